"""Names of brain-tumour datasets: which case, which modality, which label, which dataset's habit.

Roles are the modalities t1, t1c, t2, flair, the label map "mask", or "image" where a name does not tell the modality.
"""

import re
from dataclasses import dataclass
from pathlib import Path

from segan_tl.data.formats import SUFFIXES
from segan_tl.regions import ED, ET, LESION, NCR, RC

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
_CHOICE = "|".join(sorted(_TOKENS, key=len, reverse=True))
_SUFFIXED = re.compile(rf"(?P<id>.+?)(?P<dash>[-_ ])(?P<token>{_CHOICE})", re.IGNORECASE)
_PLAIN = re.compile(rf"(?P<token>{_CHOICE})(?P<scored>_subtrmeandivstd)?", re.IGNORECASE)
_VSD = re.compile(r"vsd\.brain.*\.(mr_(?P<token>flair|t1|t1c|t2)|ot)\.\d+", re.IGNORECASE)
# These lie beside a case and are neither a modality nor a label map.
_IGNORED = re.compile(r"(^|[_.-])(brain_?mask|brain_\w*segmentation|bet_mask)$", re.IGNORECASE)
_LESION_TOKENS = {"gold_standard", "lesion", "lesions", "consensus_gt", "gtv"}
_LABEL_WORDS = (
    (RC, r"resection|cavity|^rc$"),
    (NCR, r"non ?enhanc|necro|^(ncr|net|netc|nec)\b"),
    (ET, r"enhanc|^et$|^gd"),
    (ED, r"o?edema|snfh|flair|^ed$"),
    (LESION, r"lesion|wmh|^(ms|tumou?r|glioma|whole tumou?r|wt)$"),
)
_REGION_WORDS = (("et", r"enhanc|^et$"), ("tc", r"core|^tc$"), ("wt", r"whole|^wt$|complete"))


@dataclass(frozen=True)
class NamedFile:
    """One image file and what its name says.

    Attributes:
        scheme: the habit: "brats" (id and modality in the name), "vsd" (2013, 2015), "plain" (the modality alone).
        case_id: "" where the name does not say it (then a folder does).
        role: a modality, MASK or UNNAMED.
        token: the word of the name that gave the role, lower case.
        dashed: a dash stands before the token, as from 2023 on.
    """

    path: Path
    scheme: str
    case_id: str
    role: str
    token: str
    dashed: bool = False


def stem_of(name: str) -> str | None:
    """Return a file name without its image suffix, None where it has none."""
    for suffix in SUFFIXES:
        if name.lower().endswith(suffix) and len(name) > len(suffix):
            return name[: -len(suffix)]
    return None


def parse_name(path: Path) -> NamedFile | None:
    """Read what the name of an image file says; None where it says nothing we know."""
    stem = stem_of(path.name)
    if stem is None or path.name.startswith(".") or _IGNORED.search(stem):
        return None
    if match := _VSD.match(stem):
        token = (match["token"] or "").lower()
        return NamedFile(path, "vsd", "", _TOKENS.get(token, MASK), token)
    if match := _PLAIN.fullmatch(stem):
        token = match["token"].lower()
        return NamedFile(
            path, "vsd" if match["scored"] or token == "otmulticlass" else "plain", "", _TOKENS[token], token
        )
    if match := _SUFFIXED.fullmatch(stem):
        token = match["token"].lower()
        return NamedFile(path, "brats", match["id"], _TOKENS[token], token, match["dash"] == "-")
    return None


def recognise_layout(files: list[NamedFile]) -> tuple[str, str]:
    """Tell the dataset of one case from all its file names.

    Returns:
        Layout and label convention; the convention is UNKNOWN_CONVENTION where the names do not settle it.
    """
    case_id, tokens = files[0].case_id.lower(), {file.token for file in files}
    if files[0].scheme == "vsd":
        return "brats2013-2015", "brats2015"
    if files[0].scheme == "plain":
        return "plain", "lesion" if tokens & _LESION_TOKENS else UNKNOWN_CONVENTION
    if re.match(r"(sim)?brats_(hg|lg)\d", case_id):
        return "brats2012", "brats2012"
    if "image" in tokens:
        return "image-label", "lesion"
    if re.match(r"brats-\w", case_id) or tokens & {"t1n", "t2w", "t2f"} or any(file.dashed for file in files):
        if tokens & _LESION_TOKENS:
            return "brats2023", "lesion"
        # The numbers of the paediatric labels changed between 2023 and 2024 under the same names.
        return "brats2023", UNKNOWN_CONVENTION if case_id.startswith("brats-ped") else "brats2023"
    layout = "brats2017-2020" if re.match(r"brats_?(17|18|19|20)_", case_id) else "brats2021"
    segmented = tokens & {"seg", "segm", "segmentation", "tumor_segmentation"}
    return layout, "brats2017" if segmented else UNKNOWN_CONVENTION


def modality_of(channel_name: str) -> str:
    """Return the modality that a channel of dataset.json names, or the name itself in lower case."""
    return _TOKENS.get(re.sub(r"[^a-z0-9]", "", channel_name.lower()), channel_name.lower())


def label_of(name: str) -> int | None:
    """Return the canonical label that a label's name means, None where the name is not known."""
    words = _words(name)
    return next((label for label, pattern in _LABEL_WORDS if re.search(pattern, words)), None)


def region_of(name: str) -> str | None:
    """Return the nested region (wt, tc, et) that a name means, None where the name is not known."""
    words = _words(name)
    return next((region for region, pattern in _REGION_WORDS if re.search(pattern, words)), None)


def _words(name: str) -> str:
    return re.sub(r"[\s_/-]+", " ", name.lower()).strip()
