"""What a .keras file of ours says of itself: read as data, without Keras."""

from pathlib import Path

from segan_tl.models.archive import read_archive


def read_provenance(path: Path) -> dict:
    """Return what `save_network` wrote, {} where there is none; nothing of the file is executed.

    Raises:
        UserError: the file is no .keras archive, or it is damaged.
    """
    return read_archive(path).provenance
