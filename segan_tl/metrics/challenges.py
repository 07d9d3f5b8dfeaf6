"""The rules of the BraTS challenges by year: which regions they score, and what a lesion counts.

2023: the truth is dilated so that parts of a lesion join, small lesions do not count, everything that touches a lesion
is compared with it; a missed or invented lesion counts Dice 0 and HD95 374 mm [github.com/rachitsaluja/
BraTS-2023-Metrics]. 2026: connected components as they are, matched one to one; what has no partner goes into
precision, recall and F1 [brats-evaluation 0.0.10 over panoptica 2.1.7: its settings].
"""

import difflib
from dataclasses import dataclass

from segan_tl.errors import UserError


@dataclass(frozen=True)
class JoinedLesions:
    """What tells one challenge's lesion scores of 2023 from another's.

    Attributes:
        dilations: how often the truth is dilated by its 18 neighbours before components are joined.
        ignored_mm3: lesions of the truth up to this volume do not count.
    """

    dilations: int
    ignored_mm3: float


@dataclass(frozen=True)
class MatchedLesions:
    """What tells one challenge's lesion scores of 2026 from another's.

    Attributes:
        large_mm3: from this volume on a lesion of the truth is scored with misses and inventions, smaller ones are only
            found or not; None scores the matched lesions, whatever their size.
    """

    large_mm3: float | None = None


@dataclass(frozen=True)
class Challenge:
    """The rules of one challenge in one year.

    Attributes:
        name: what it is called on the command line, in tables and records.
        tumour: whose tumours.
        regions: names as in `regions.region_values`.
        rule: what a lesion counts.
    """

    name: str
    tumour: str
    regions: tuple[str, ...]
    rule: JoinedLesions | MatchedLesions

    @property
    def rule_in_words(self) -> str:
        """Return what a lesion counts, as half a sentence."""
        if isinstance(self.rule, JoinedLesions):
            times = f"{self.rule.dilations} dilation{'s' * (self.rule.dilations != 1)}"
            ignored = f"up to {self.rule.ignored_mm3:g} mm3 not counted"
            return f"joined by {times}, {ignored}; missed or invented: Dice 0, HD95 374 mm"
        matched = "matched one to one by the largest sum of Dice"
        if self.rule.large_mm3 is None:
            return f"{matched}; scores of matched ones, the others in precision, recall and F1"
        return (
            f"{matched}; from {self.rule.large_mm3:g} mm3 on scored, missed or invented: Dice and NSD 0, HD95 373 mm; "
            "smaller ones found from Dice 0.1 on"
        )


_WHOLE = ("wt", "tc", "et")
_MATCHED = MatchedLesions()

# 1 voxel of BraTS is 1 mm3. The script of 2023 has these settings in eval.py, the package of 2026 in configs/.
CHALLENGES = {
    challenge.name: challenge
    for challenge in (
        Challenge("brats2023-gli", "glioma", _WHOLE, JoinedLesions(dilations=3, ignored_mm3=50)),
        Challenge("brats2023-ssa", "glioma, Sub-Saharan Africa", _WHOLE, JoinedLesions(dilations=3, ignored_mm3=50)),
        Challenge("brats2023-men", "meningioma", _WHOLE, JoinedLesions(dilations=1, ignored_mm3=50)),
        Challenge("brats2023-ped", "children", _WHOLE, JoinedLesions(dilations=3, ignored_mm3=50)),
        Challenge("brats2023-met", "metastases", _WHOLE, JoinedLesions(dilations=1, ignored_mm3=2)),
        Challenge("brats2026-gli", "glioma", ("wt", "tc", "et", "netc", "snfh", "rc"), _MATCHED),
        Challenge("brats2026-met", "metastases", ("wt", "tc", "et", "rc"), MatchedLesions(large_mm3=20)),
        Challenge("brats2026-ped", "children", ("wt", "tc", "et", "netc", "cc", "ed"), _MATCHED),
        Challenge("brats2026-men-rt", "meningioma, radiotherapy", ("gtv",), _MATCHED),
        Challenge("brats2026-men-pre", "meningioma, before surgery", _WHOLE, _MATCHED),
        Challenge("brats2026-goat", "any", _WHOLE, _MATCHED),
    )
}
# Names of before there were years; configurations and recorded runs hold them.
ALIASES = {name.replace("brats2023", "brats"): name for name in CHALLENGES if name.startswith("brats2023")}
CHALLENGES |= {alias: CHALLENGES[name] for alias, name in ALIASES.items()}


def find_challenge(name: str) -> Challenge:
    """Return the rules of a name, in any case of letters.

    Raises:
        UserError: there are none of that name.
    """
    wanted = name.strip().lower()
    if wanted not in CHALLENGES:
        near = difflib.get_close_matches(wanted, CHALLENGES, n=1)
        raise UserError(
            f"expected the rules of a challenge ({', '.join(by_year())}); found {name!r}; "
            + (f"did you mean {near[0]}?" if near else "see evaluate --list-challenges")
        )
    return CHALLENGES[wanted]


def by_year() -> list[str]:
    """Return the names with their years, without the older ones."""
    return [name for name in CHALLENGES if name not in ALIASES]
