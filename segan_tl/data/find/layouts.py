"""Layouts of brain-tumour datasets by their names: which case, which modality, which label, which dataset.

Roles are the modalities t1, t1c, t2, flair, the label map "mask", or "image" where a name does not tell the modality.
"""

import re
from dataclasses import dataclass
from pathlib import Path

from segan_tl.data.files.formats import suffix_of
from segan_tl.regions import ED, ET, LESION, NCR, RC

MASK = "mask"
UNNAMED = "image"
UNKNOWN_CONVENTION = "unknown"

# "_" stands for any separator or none: t1_gd is T1GD, T1-Gd, t1_gd.
_ROLES = {
    "t1": "t1 t1w t1_pre t1n",
    "t1c": "t1c t1_ce t1_gd t1_post t1_gad t1_gado t1_km t1w_ce t1w_c t1w_gd t1w_post t1_contrast ct1 ce_t1 gado",
    "t2": "t2 t2w",
    "flair": "flair fla t2f t2_flair",
    MASK: (
        "seg segm segmentation segmentations mask label truth ground_truth gt gtv lesion lesions lesion_mask "
        "lesion_seg "
        "tumor_mask tumor_seg tumor_segm tumor_segmentation tumor_label tumor tumour_mask tumour_seg tumour_segm "
        "tumour_segmentation tumour_label tumour otmulticlass gold_standard consensus consensus_gt wmh glistrboost"
    ),
    UNNAMED: "image",
}  # fmt: skip
_TOKENS = {phrase.replace("_", ""): role for role, phrases in _ROLES.items() for phrase in phrases.split()}
# What was done to an image, or who drew a label map; a file without these words is the plain one of its case.
_DONE = (
    "bias brain bet stripped unstripped skull_strip skull_stripped corrected n4 norm normalized normalised orig raw "
    "reg registered resampled r2s subtr_mean_div_std"
)
_DRAWN = "manual manually_corrected automated automatic auto approx final corrected expert refined edited reviewed"
_PREPARED = {"preprocessed", "pp", "pre"}  # the challenges give such files to work with


def _choice(phrases: str) -> str:
    words = sorted(phrases.split(), key=len, reverse=True)
    return "|".join(word.replace("_", "[-_ .]?") for word in words)


def _name_pattern(roles: list[str], extra: str) -> re.Pattern:
    token, extra = _choice(" ".join(_ROLES[role] for role in roles)), _choice(extra)
    before, after = rf"(?P<before>((?:{extra})[-_ .])*)", rf"(?P<after>([-_ .](?:{extra}))*)"
    name = rf"((?P<id>.+?)(?P<dash>[-_ .]))??{before}(?P<token>{token}){after}"
    return re.compile(name, re.IGNORECASE | re.DOTALL)


_IMAGES = ("t1", "t1c", "t2", "flair")
_PATTERNS = (
    _name_pattern([*_IMAGES, UNNAMED], f"{_DONE} {' '.join(_PREPARED)}"),
    _name_pattern([MASK], _DRAWN),
)
_VSD = re.compile(r"vsd\.brain.*\.(mr_(?P<token>flair|t1|t1c|t2)|ot)\.\d+", re.IGNORECASE | re.DOTALL)
# The end of an id that makes of an image something else (P1_t1_to_flair, P1_lesion_t1), and of a label map one of
# something else than a tumour (P1_brain_mask, FSL's P1_T1_seg).
_ANY_IMAGE = _choice(" ".join(_ROLES[role] for role in _IMAGES))
_OTHER_ENDING = rf"({_ANY_IMAGE})([-_ .]([a-z]+|2))*|[a-z]*(mask|seg)|segmentation|lesions?|label|prob"
_OTHER_IMAGE = re.compile(rf"(^|[-_ .])({_OTHER_ENDING})$", re.IGNORECASE)
_OTHER_MASK = re.compile(
    rf"(^|[-_ .])({_OTHER_ENDING}|brain|bet|skull|head|scalp|air|parenchyma|tissues?|wm|gm|csf|white|gr[ae]y|matter|"
    r"ventricles?|ventricular|vessels?|cortex|cortical|subcortical|hippocampus|thalamus|cerebellum|brainstem|eyes?|"
    r"face|deface|atlas|aseg|aparc|background|roi|valid)$",
    re.IGNORECASE,
)
_LESION_TOKENS = {
    "goldstandard", "lesion", "lesions", "lesionmask", "lesionseg", "consensus", "consensusgt", "gtv", "wmh"
}  # fmt: skip
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
        token: the word of the name that gave the role, lower case, without separators.
        dashed: a dash stands before the token, as from 2023 on.
        is_plain: nothing in the name says that this is a variant of another file.
    """

    path: Path
    scheme: str
    case_id: str
    role: str
    token: str
    dashed: bool = False
    is_plain: bool = True


def stem_of(name: str) -> str | None:
    """Return a file name without the suffix of an image, of a format that is read or known; None for other files."""
    suffix = suffix_of(name)
    return name[: -len(suffix)] if suffix and len(name) > len(suffix) else None


def parse_name(path: Path) -> NamedFile | None:
    """Read what the name of an image file says; None where it says nothing we know."""
    stem = stem_of(path.name)
    if stem is None or path.name.startswith("."):
        return None
    if match := _VSD.fullmatch(stem):
        token = (match["token"] or "").lower()
        return NamedFile(path, "vsd", "", _TOKENS.get(token, MASK), token)
    match = next((match for pattern in _PATTERNS if (match := pattern.fullmatch(stem))), None)
    if match is None:
        return None
    token, case_id = _joined(match["token"]), match["id"] or ""
    role = _TOKENS[token]
    if (_OTHER_MASK if role == MASK else _OTHER_IMAGE).search(case_id):
        return None
    words = f"{match['before']}{match['after']}".lower()
    scored = "subtrmeandivstd" in words or token == "otmulticlass"
    scheme = "brats" if case_id else "vsd" if scored else "plain"
    extra = set(re.findall(r"[a-z0-9]+", words)) - _PREPARED
    # A file called "mask" may show the brain: one called "seg" is the label map where both are there.
    is_plain = (scored or not extra) and token != "mask"
    return NamedFile(path, scheme, case_id, role, token, match["dash"] == "-", is_plain)


def openings(name: str) -> set[str]:
    """Return what a name begins with before each of its separators, lower case: a and a_b of a_b-c."""
    return {name[: match.start()].lower() for match in re.finditer(r"[-_ .]", name)}


def _joined(token: str) -> str:
    return re.sub(r"[-_ .]", "", token.lower())


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
        # The numbers of the paediatric labels changed between 2023 and 2024 under the same names, and a dash alone is
        # anybody's.
        told = re.match(r"brats-(?!ped)", case_id) or tokens & {"t1n", "t2w", "t2f"} and "brats-ped" not in case_id
        return "brats2023", "brats2023" if told else UNKNOWN_CONVENTION
    layout = "brats2017-2020" if re.match(r"brats_?(17|18|19|20)_", case_id) else "brats2021"
    segmented = tokens & {"seg", "segm", "segmentation", "tumorsegmentation"}
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
