"""Fixtures shared by all tests."""

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Return the folder of real MRI named by SEGAN_TL_REAL_DATA, or skip."""
    folder = Path(os.environ.get("SEGAN_TL_REAL_DATA", Path(__file__).parents[2] / "shared" / "data"))
    if not (folder / "brats2021").is_dir():
        pytest.skip(f"no real MRI at {folder}; set SEGAN_TL_REAL_DATA to the folder that holds brats2021/")
    return folder
