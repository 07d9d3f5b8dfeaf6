"""Which sequence a series is, by its tags and by the words of its description, with the reason.

Times in ms. Limits are those by which radiologists tell weightings: a FLAIR nulls fluid by an inversion time of 1.5 to
3 s and a long echo; T1 has short repetition and echo times; T2 long ones.

A reason is made of words of this file alone: a description may hold a name, and is never quoted.
"""

import re
from dataclasses import dataclass

from segan_tl.clinical.dicom.slices import flat_groups, number_of, text_of, value_of, words_of

OTHER = "other"
LONG_TR, SHORT_TR, SHORT_TE, LONG_TE, FLUID_TI = 1500, 1200, 30, 60, (1500, 3500)
SHORT_TAU_TI = (80, 300)

# Set aside by a word of the description, or by a kind of image: that of ImageType, or the acquisition's contrast.
ASIDE = (
    ("a localiser", r"localiser|localizer|loc|scout|survey|aahead\w*|3 ?(?:plane|pl)", "LOCALIZER"),
    ("diffusion", r"dwi|diff(?:usion)?|dti|dki|e?adc|trace\w*|fa|colfa|b ?\d{3,4}", "DIFFUSION|ADC|TRACEW|FA"),
    ("perfusion", r"perf\w*|pwi|dsc|dce|p?c?asl|r?cbf|r?cbv|mtt|ttp|tmax|ktrans", "PERFUSION|ASL|CBF|CBV"),
    ("T2* or susceptibility", r"swi\w*|swan|susc\w*|qsm|t2 ?star|t2 ?\*|gre ?t2|hemo|heme|medic", "SWI|T2_STAR"),
    ("an angiogram", r"tof|mra|mrv|angio\w*|m(?:in)?ip|pca|venogram|cow", "TIME_OF_FLIGHT|TOF|MIP|MINIP|MIN IP"),
    ("functional MRI", r"bold|fmri|rest(?:ing)?", "FMRI|BOLD"),
    ("spectroscopy", r"mrs|csi|spectro\w*", "SPECTROSCOPY"),
    ("a calibration", r"calib\w*|asset|field ?map\w*|b[01] ?map\w*|shim|ref(?:erence)? ?scan|noise", ""),
    ("a map", r"(?:t1 ?|t2 ?)?map\w*|mp2rage|synth\w*|magic|fused|fusion|colou?r", "T1 MAP|T2 MAP"),
    ("a subtraction", r"sub|subtr\w*", "SUBTRACT|SUBTRACTION"),
    ("a reformat", r"mpr|reform\w*|rfmt|curved", "MPR|REFORMATTED|PROJECTION IMAGE|CPR"),
    ("another part of the body", r"[ctl]?-?spine|cervical|thoracic|lumbar|neck|pituitary|orbits?|iac", ""),
    ("a phase image", r"phase|pha", "PHASE|PHASE MAP|P|IMAGINARY|REAL"),
)  # fmt: skip
STATED = {"FLUID_ATTENUATED": "flair", "T1": "t1", "T2": "t2"}  # AcquisitionContrast of enhanced files
T1_WORDS = r"t1\w*|mp ?rage|i?r?-?f?spgr|bravo|t1tfe|vibe|fl3d\w*|tfl\w*"
T2_WORDS = r"t2\w*"
FLUID_WORDS = r"\w*flair\w*|t2f|dark[- ]?fluid"
WITH_CONTRAST = r"gd|gad\w*|post(?! ?-? ?op)\w*|contrast|ce|km|\+ ?(?:c|gd|km)|c ?\+|t1(?:c|ce|gd|km|post)|enh\w*|mdc"
WITHOUT_CONTRAST = r"pre(?:-?gd|-?contrast)?|without|w ?o|non?-? ?contrast|nativ\w*|no ?gd|ohne|plain"
NO_AGENT = {"", "NO", "NONE", "N", "0", "NIL", "NO CONTRAST", "WITHOUT", "NONE GIVEN", "OHNE", "NEIN"}


@dataclass(frozen=True)
class Sequence:
    """What a series is.

    Attributes:
        name: t1, t1c, t2, flair or other.
        reason: what tells it, out of words of this module and numbers.
        aside: why it is never taken by itself; "" where it may be.
    """

    name: str
    reason: str
    aside: str = ""


@dataclass(frozen=True)
class _Facts:
    text: str
    image_type: tuple[str, ...]
    gradient: bool
    inversion: bool
    repetition_ms: float | None
    echo_ms: float | None
    inversion_ms: float | None
    agent: bool
    stated: str


def recognise(values) -> Sequence:
    """Return what the series of a header is; of an enhanced file, what its first frame is."""
    facts = _facts(values)
    aside = _aside(facts, values)
    name, reason = _contrast(facts)
    if aside:
        return Sequence(name if aside == "derived" else OTHER, reason, aside)
    if name != "t1":
        return Sequence(name, reason)
    name, why = _agent(facts)
    return Sequence(name, f"{reason}; {why}")


def _facts(values) -> _Facts:
    groups = flat_groups(values, 0) if value_of([values], "PerFrameFunctionalGroupsSequence") else [values]
    names = ("SeriesDescription", "ProtocolName", "SequenceName", "PulseSequenceName")
    text = " ".join(text_of(values, name) for name in names)
    scanning = words_of(value_of(groups, "ScanningSequence"))
    inversion_ms = number_of(groups, "InversionTime") or number_of(groups, "InversionTimes")
    return _Facts(
        re.sub(r"[_/.,;:()\[\]]+", " ", text.lower()).replace("+", " +"),
        words_of(value_of(groups, "ImageType")) + words_of(value_of(groups, "FrameType")),
        "GR" in scanning or "GRADIENT" in words_of(value_of(groups, "EchoPulseSequence")),
        "IR" in scanning or "YES" in words_of(value_of(groups, "InversionRecovery")) or bool(inversion_ms),
        number_of(groups, "RepetitionTime"),
        number_of(groups, "EffectiveEchoTime") or number_of(groups, "EchoTime"),
        inversion_ms,
        _has_agent(groups),
        "".join(words_of(value_of(groups, "AcquisitionContrast"))[:1]),
    )


def _has_agent(groups: list) -> bool:
    agent = str(value_of(groups, "ContrastBolusAgent") or "").strip().upper()
    return agent not in NO_AGENT or bool(value_of(groups, "ContrastBolusAgentSequence"))


def _aside(facts: _Facts, values) -> str:
    for what, pattern, kinds in ASIDE:
        if {*facts.image_type, facts.stated} & {*kinds.split("|")} - {""} or _says(facts.text, pattern):
            return what
    if value_of([values], "DiffusionBValue"):
        return "diffusion"
    if facts.image_type[:2] == ("DERIVED", "SECONDARY"):
        return "derived"
    return ""


def _says(text: str, pattern: str) -> bool:
    """Tell whether a text holds one of the words, not as a part of another word."""
    return re.search(rf"(?<![a-z0-9])(?:{pattern})(?![a-z0-9])", text) is not None


def _contrast(facts: _Facts) -> tuple[str, str]:
    """Return t1, t2, flair or other, and why."""
    by_tags, why = _by_tags(facts)
    # Some scanners state T2 of a FLAIR.
    sources = ((_by_words(facts.text), "the description"), (STATED.get(facts.stated), "the acquisition contrast"))
    for name, source in sources:
        if name and by_tags not in (name, OTHER):
            return name, f"{source} says so, though {why}"
        if name:
            return name, f"{source} says so" + (f"; {why}" if by_tags == name else "")
    return by_tags, why


def _by_words(text: str) -> str | None:
    first, second = _says(text, T1_WORDS), _says(text, T2_WORDS)
    if _says(text, FLUID_WORDS):
        return "t1" if first and not second else "flair"
    return None if first == second else "t1" if first else "t2"


def _by_tags(facts: _Facts) -> tuple[str, str]:
    tr, te, ti = facts.repetition_ms, facts.echo_ms, facts.inversion_ms
    if te is None:
        return OTHER, "its tags state no echo time"
    times = ", ".join(f"{name} {value:.4g} ms" for name, value in (("TR", tr), ("TE", te), ("TI", ti)) if value)
    if ti and FLUID_TI[0] <= ti <= FLUID_TI[1] and te >= LONG_TE:
        return "flair", f"{times} null the fluid"
    if facts.inversion and ti and SHORT_TAU_TI[0] <= ti <= SHORT_TAU_TI[1] and not facts.gradient:
        return OTHER, f"{times} null fat (STIR)"
    quick = te < SHORT_TE / 2 if facts.gradient else tr is not None and tr < SHORT_TR
    if te < SHORT_TE and (facts.inversion or quick):
        return "t1", f"{times} weight by T1"
    if not facts.gradient and te >= LONG_TE and (tr is None or tr >= LONG_TR):
        return "t2", f"{times} weight by T2"
    return OTHER, f"{times} are those of no sequence that is sought"


def _agent(facts: _Facts) -> tuple[str, str]:
    """Tell T1 with a contrast agent from T1 without, and why; words count before the tag, which is often left on."""
    said = _says(facts.text, WITH_CONTRAST)
    if said != _says(facts.text, WITHOUT_CONTRAST):
        return ("t1c", "its words say with contrast") if said else ("t1", "its words say without contrast")
    return ("t1c", "a contrast agent is stated") if facts.agent else ("t1", "no contrast agent is stated")
