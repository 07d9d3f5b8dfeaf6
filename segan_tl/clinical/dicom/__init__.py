"""DICOM: series found and recognised by their headers, read as volumes, and masks written as DICOM SEG and SR.

No text of a file is ever shown or kept: what is printed is out of word lists of our own, and patients have pseudonyms.
"""
