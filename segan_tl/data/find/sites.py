"""Where a case was scanned: what participants.tsv says of it, else the name, by the namings that tell it."""

import re
from collections.abc import Mapping

from segan_tl.data.find.case import Case
from segan_tl.data.find.sidecars import NOT_SAID

# Columns of participants.tsv that may say it, the first that is filled in.
COLUMNS = ("site", "center", "centre", "institution", "hospital", "scanner")
# How case names begin that tell the place: BraTS 2017 to 2019 (CBICA, TCIA01, 2013), BRATS 2015 (2013, TCIA), TCGA (the
# tissue source site), and whoever writes the word.
NAMINGS = (
    r"brats1[789]_([a-z]+\d*|2013)_",
    r"brats_(2013|tcia)_pat",
    r"(tcga[-_][0-9a-z]{2})[-_][0-9a-z]{4}(?![a-z0-9])",
    r"(?:.*[-_. ])?((?:site|cent(?:er|re)|hospital|clinic|scanner)[-_ ]?\d+)(?![0-9])",
)
_NAMINGS = [re.compile(pattern, re.IGNORECASE) for pattern in NAMINGS]


def site_of(case: Case) -> str | None:
    """Return where a case was scanned; None where nothing tells."""
    return _stated(case.attributes) or site_by_name(case.id)


def site_by_name(case_id: str) -> str | None:
    """Return the site that the name of a case tells, in capitals; None where it tells none."""
    matches = (pattern.match(case_id) for pattern in _NAMINGS)
    return next((match[1].upper() for match in matches if match), None)


def _stated(attributes: Mapping[str, str]) -> str | None:
    cells = (attributes.get(column, "").strip() for column in COLUMNS)
    return next((cell for cell in cells if cell.lower() not in NOT_SAID), None)
