"""Image files of a folder that no case uses: why, and what to do; told by reason, with the first names."""

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from segan_tl.console import printable
from segan_tl.data.files.formats import suffix_of, unread_remedy
from segan_tl.errors import some

NOT_UNDERSTOOD = "the name is not understood"
ANOTHER_IS_USED = "another file of the same kind is used"
SEVERAL_ARE_THERE = "there are several of the kind"
OTHER = "it is neither t1, t1c, t2, flair nor a tumour mask by its name"
RENAME = "name it CASE_t1, CASE_t1c, CASE_t2, CASE_flair or CASE_seg, or move it out of the folder"
NAMES_SHOWN = 3
_OTHER = re.compile(
    r"(^|[-_ .])(adc|dwi|dti|dki|fa|md|tr|ad|rd|swi|swan|asl|dsc|dce|perf(usion)?|cb[fv]|r?cbv|mtt|ktrans|pet|ct|cta|"
    r"mra|tof|bold|sbref|epi|fieldmap|phasediff|magnitude\d?|phase\d?|pd|pdw|dp|gre|t2_?star|t2starw|t[12]_?map|hardi|"
    r"b0|unit1|mp2rage|inplanet[12]|defacemask|brain(_\w+)?_segmentation|\w*probseg|\w*probability|"
    r"(wm|gm|csf|bet|skull|brain|tissue|parenchyma)_?(mask|seg|dseg)?)([-_ .]|$)",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class UnusedFile:
    """An image file, why no case uses it (files of one reason are told together), and the remedy, "" for none."""

    path: Path
    reason: str
    remedy: str = ""


def unused_by_name(path: Path) -> UnusedFile:
    """Say why a file whose name gives no role is not used."""
    if remedy := unread_remedy(path):
        return UnusedFile(path, f"the format {suffix_of(path.name)} is not read", remedy)
    return UnusedFile(path, OTHER) if _OTHER.search(path.name) else UnusedFile(path, NOT_UNDERSTOOD, RENAME)


def tell(unused: Sequence[UnusedFile], folder: Path) -> list[str]:
    """Return one line a reason: how many files, the first of them, and what to do."""
    by_reason = defaultdict(list)
    for file in unused:
        by_reason[file.reason, file.remedy].append(file.path)
    return [
        f"not used, {reason}: {_count(paths)} ({_first(paths, folder)}){remedy and '; '}{remedy}"
        for (reason, remedy), paths in by_reason.items()
    ]


def tell_briefly(unused: Sequence[UnusedFile], folder: Path) -> str:
    """Return one line: how many files of a folder are not used, the first of them, and who says why."""
    paths = [file.path for file in unused]
    return f"{_count(paths)} of {folder} not used ({_first(paths, folder)}); `python -m segan_tl check` says why"


def _count(paths: Sequence[Path]) -> str:
    return f"{len(paths)} image file{'s' * (len(paths) != 1)}"


def _first(paths: Sequence[Path], folder: Path) -> str:
    names = [printable(str(path.relative_to(folder) if path.is_relative_to(folder) else path)) for path in paths]
    return some(names, NAMES_SHOWN)
