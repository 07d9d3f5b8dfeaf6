"""What the regions of a tumour are called in DICOM: codes of SNOMED CT, and of the NCI where SNOMED has none.

They are DICOM's own for segmented lesions [PS3.16, CID 7159; of the brain CID 7168, 7169]. SNOMED tells no tumour core
from a whole tumour: both are a neoplasm, and their labels differ.
"""

from typing import NamedTuple


class Term(NamedTuple):
    """A coded region: label for people, code, coding scheme, meaning, and the colour of its display (RGB)."""

    label: str
    code: str
    scheme: str
    meaning: str
    colour: tuple[int, int, int]


CATEGORY = ("49755003", "SCT", "Morphologically Abnormal Structure")
BRAIN = ("12738006", "SCT", "Brain")
TERMS = {
    "wt": Term("Whole tumour", "108369006", "SCT", "Neoplasm", (80, 200, 80)),
    "tc": Term("Tumour core", "108369006", "SCT", "Neoplasm", (230, 120, 40)),
    "et": Term("Enhancing tumour", "C113842", "NCIt", "Enhancing Lesion", (230, 60, 60)),
    "ed": Term("Peritumoural oedema", "79654002", "SCT", "Edema", (80, 200, 80)),
    "ncr": Term("Necrotic and non-enhancing core", "6574001", "SCT", "Necrosis", (60, 90, 220)),
    "rc": Term("Resection cavity", "52988006", "SCT", "Lesion", (200, 200, 60)),
    "lesion": Term("Lesion", "52988006", "SCT", "Lesion", (200, 80, 200)),
}
