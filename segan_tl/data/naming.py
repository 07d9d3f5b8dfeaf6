"""File names of brain-tumour datasets: which case, which modality, which dataset's habit.

Roles are the modalities t1, t1c, t2, flair, the label map "mask", or "image" where a name does not tell the modality.
"""

import re
from dataclasses import dataclass
from pathlib import Path

from segan_tl.data.images import SUFFIXES

MASK = "mask"
UNNAMED = "image"
UNKNOWN_CONVENTION = "unknown"

_TOKENS = {
    "t1": "t1", "t1w": "t1", "t1n": "t1", "t1pre": "t1",
    "t1c": "t1c", "t1ce": "t1c", "t1gd": "t1c", "t1post": "t1c", "t1gad": "t1c", "t1km": "t1c",
    "t2": "t2", "t2w": "t2",
    "flair": "flair", "fla": "flair", "t2f": "flair", "t2flair": "flair",
    "seg": MASK, "segm": MASK, "segmentation": MASK, "tumor_segmentation": MASK, "truth": MASK, "gtv": MASK,
    "label": MASK, "mask": MASK, "lesion": MASK, "lesions": MASK, "otmulticlass": MASK, "gold_standard": MASK,
    "consensus_gt": MASK, "image": UNNAMED,
}  # fmt: skip
# Files that lie beside a case and are neither a modality nor a label map.
_IGNORED_STEMS = re.compile(r"(^|[_.-])(brain_?mask|brain_segmentation|brain_parenchyma_segmentation|bet_mask)$")
_SUFFIXED = re.compile(
    r"^(?P<id>.+?)(?P<dash>[-_ ])(?P<token>" + "|".join(sorted(map(re.escape, _TOKENS), key=len, reverse=True)) + r")$"
)
_PLAIN = re.compile(r"^(?P<token>" + "|".join(map(re.escape, _TOKENS)) + r")(_subtrmeandivstd)?$")
_VSD = re.compile(r"^vsd\.brain.*\.(mr_(?P<token>flair|t1|t1c|t2)|ot)\.\d+")
_TWENTY_TOKENS = {"t1n", "t2w", "t2f"}


@dataclass(frozen=True)
class NamedFile:
    """One image file and what its name says.

    Attributes:
        scheme: the habit: "brats" (id and modality in the name), "vsd" (2013, 2015), "plain" (the modality alone).
        case_id: "" where the name does not say it (then a folder does).
        role: a modality, MASK or UNNAMED.
        token: the word of the name that gave the role, lower case; "-" before it where a dash stands there.
    """

    path: Path
    scheme: str
    case_id: str
    role: str
    token: str


def stem_of(name: str) -> str | None:
    """Return a file name without its image suffix, None where it has none."""
    for suffix in SUFFIXES:
        if name.lower().endswith(suffix) and len(name) > len(suffix):
            return name[: -len(suffix)]
    return None


def parse_name(path: Path) -> NamedFile | None:
    """Read what the name of an image file says; None where it says nothing we know."""
    stem = stem_of(path.name)
    if stem is None or path.name.startswith(".") or _IGNORED_STEMS.search(stem.lower()):
        return None
    if match := _VSD.match(stem.lower()):
        token = match["token"]
        return NamedFile(path, "vsd", "", _TOKENS[token] if token else MASK, token or "ot")
    if match := _PLAIN.match(stem.lower()):
        return NamedFile(path, "plain", "", _TOKENS[match["token"]], match["token"])
    if match := _SUFFIXED.match(stem.lower()):
        token = ("-" if match["dash"] == "-" else "") + match["token"]
        return NamedFile(path, "brats", stem[: match.end("id")], _TOKENS[match["token"]], token)
    return None


def recognise_layout(files: list[NamedFile]) -> tuple[str, str]:
    """Tell the dataset of one case from all its file names.

    Returns:
        Layout and label convention; the convention is UNKNOWN_CONVENTION where the names do not settle it.
    """
    scheme, case_id = files[0].scheme, files[0].case_id.lower()
    tokens = {file.token for file in files}
    if scheme == "vsd":
        return "brats2013-2015", "brats2015"
    if scheme == "plain":
        if "otmulticlass" in tokens:
            return "brats2013-2015", "brats2015"
        lesions = tokens & {"gold_standard", "lesion", "lesions", "consensus_gt"}
        return "plain", "lesion" if lesions else UNKNOWN_CONVENTION
    if case_id.startswith(("brats_hg", "brats_lg", "simbrats_")):
        return "brats2012", "brats2012"
    if UNNAMED in tokens:
        return "image-label", "lesion"
    if any(token.startswith("-") or token in _TWENTY_TOKENS for token in tokens):
        return "brats2023", _convention_2023(case_id, tokens)
    layout = "brats2017-2020" if re.match(r"brats_?(17|18|19|20)_", case_id) else "brats2021"
    named_otherwise = tokens & {"truth", "label", "mask", "lesion", "lesions", "gtv", "gold_standard"}
    return layout, UNKNOWN_CONVENTION if named_otherwise else "brats2017"


def _convention_2023(case_id: str, tokens: set[str]) -> str:
    if tokens & {"gtv", "-gtv"}:
        return "lesion"
    # The paediatric labels changed between 2023 and 2024 under the same names.
    return UNKNOWN_CONVENTION if case_id.startswith("brats-ped") else "brats2023"
