"""The images of a folder of cases as the DICOM series that a scanner would have written, to try `dicom` on.

    python benchmarks/simulate_dicom.py CASES OUT
    python -m segan_tl dicom OUT PATIENTS

One study a case, one series a modality; what is not whole numbers of 16 bits is stored in 65 535 steps with a slope.
"""

import argparse
from pathlib import Path

from segan_tl.clinical.dicom.simulate import IDENTITY, write_series
from segan_tl.data.files.images import read_volume
from segan_tl.data.find.cases import find_cases


def main() -> None:
    """Write every case."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cases", metavar="CASES", type=Path)
    parser.add_argument("out", metavar="OUT", type=Path)
    arguments = parser.parse_args()
    for case in find_cases(arguments.cases).cases:
        attributes = IDENTITY | {"PatientID": case.id[:64]}
        for number, (modality, source) in enumerate(sorted(case.images.items()), 1):
            folder, volume = arguments.out / case.id / modality, read_volume(source)
            files = write_series(folder, volume, modality, number=number, study=case.id, attributes=attributes)
            print(f"{case.id} {modality}: {len(files)} files")


if __name__ == "__main__":
    main()
