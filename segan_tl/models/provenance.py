"""What a .keras file of ours says of itself: read as data, without Keras."""

import zipfile
from pathlib import Path

from segan_tl.errors import UserError
from segan_tl.schemas.reading import parse_json
from segan_tl.schemas.runs import Provenance

PROVENANCE = "segan_tl.json"
LARGEST_PROVENANCE_BYTES = 1_000_000


def read_provenance(path: Path) -> dict:
    """Return what `save_network` wrote, {} where there is none; nothing of the file is executed.

    Raises:
        UserError: the file is no .keras archive.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            if (damaged := archive.testzip()) is not None:
                raise zipfile.BadZipFile(f"bad CRC-32 for {damaged}")
            if PROVENANCE not in archive.namelist():
                return {}
            if archive.getinfo(PROVENANCE).file_size > LARGEST_PROVENANCE_BYTES:
                raise UserError(f"{path}: {PROVENANCE} is implausibly large; do not trust this file")
            return parse_json(archive.read(PROVENANCE), Provenance, where=f"{path}: {PROVENANCE}")
    except (zipfile.BadZipFile, FileNotFoundError) as error:
        raise UserError(f"{path} is not a readable .keras file ({error}); give a file that Keras 3 saved") from None
