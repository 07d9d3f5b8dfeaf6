"""Which series is the T1, T1c, T2 and FLAIR of each case: by rule, or as stated."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from segan_tl.clinical.dicom.sequence import OTHER
from segan_tl.clinical.dicom.series import Found, Series
from segan_tl.errors import UserError, nearest, some
from segan_tl.regions import MODALITIES

WHOLE_HEAD_MM = 100  # along each axis; a slab of less is taken only where nothing covers more
RULE = (
    "of several series of one sequence: one that covers at least 100 mm along each axis, then the smallest voxel, then "
    "the most slices, then the last number"
)


@dataclass(frozen=True)
class Chosen:
    """The series of one case.

    Attributes:
        series: modality → series.
        notes: one sentence for each series that cannot be read, and each choice that the user may want to change.
    """

    series: dict[str, Series] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def choose_series(found: Found, stated: Sequence[str] = ()) -> dict[str, Chosen]:
    """Return the series of every case.

    Args:
        found: of `find_series`.
        stated: statements such as "flair=3": a modality, and the name, number or SeriesInstanceUID of a series.

    Returns:
        Case → what was chosen, for cases with at least one modality.

    Raises:
        UserError: a statement is wrong, or no case has a modality.
    """
    fixed = state(found, stated)
    chosen = {case: _choose([one for one in found.series if one.case == case], fixed) for case in found.cases}
    chosen = {case: choice for case, choice in chosen.items() if choice.series}
    if not chosen:
        raise UserError(
            f"expected a series of T1, T1c, T2 or FLAIR; found {_tell(found)}; state one, such as --series flair="
            f"{found.series[0].name if found.series else 3}"
        )
    return chosen


def state(found: Found, stated: Sequence[str]) -> dict[tuple[str, str], Series]:
    """Return (case, modality) → series of the statements.

    Raises:
        UserError: one is no statement, names no modality or no series, several series, one that cannot be read, or a
            modality or a series that another one has.
    """
    fixed = {}
    for statement in stated:
        modality, _, name = (part.strip() for part in statement.partition("="))
        if not name or modality.lower() not in MODALITIES:
            near = nearest(modality, MODALITIES)
            raise UserError(
                f"expected --series {near or 'flair'}={name or 3}, a modality out of {', '.join(MODALITIES)} and a "
                f"series; found {statement}; write it like this"
            )
        series = _named(found, name, statement)
        if series.fault:
            raise UserError(f"--series {statement}: series {series.name} cannot be read, because {series.fault}")
        for (case, other), one in fixed.items():
            if case == series.case and (other == modality.lower() or one is series):
                raise UserError(
                    f"expected one series for each modality; found {other}={one.name} and {statement}; leave one out"
                )
        fixed[series.case, modality.lower()] = series
    return fixed


def _named(found: Found, name: str, statement: str) -> Series:
    for fits in (
        lambda one: one.name == name,
        lambda one: one.uid == name,
        lambda one: str(one.number) == name or one.name.rpartition("/")[2] == name,
    ):
        fitting = [one for one in found.series if fits(one)]
        if len(fitting) == 1:
            return fitting[0]
        if fitting:
            names = some([one.name for one in fitting], 4)
            raise UserError(f"expected one series; --series {statement} may be {names}; name one of these")
    names = some([one.name for one in found.series if not one.fault], 12)
    raise UserError(
        f"expected a series that is there; there is no {name} for --series {statement}; name one of {names}"
    )


def _choose(series: list[Series], fixed: dict[tuple[str, str], Series]) -> Chosen:
    chosen = {}
    notes = [
        f"{one.case}: series {one.name}, {one.sequence}, cannot be read: {one.fault}"
        for one in series
        if one.sequence != OTHER and one.fault and not one.aside
    ]
    taken = [one for (case, _), one in fixed.items() if case == series[0].case]
    for modality in MODALITIES:
        if one := fixed.get((series[0].case, modality)):
            chosen[modality] = one
            continue
        fitting = [
            one for one in series
            if one.sequence == modality and not one.aside and not one.fault and not any(one is other for other in taken)
        ]  # fmt: skip
        if not fitting:
            continue
        best, *others = sorted(fitting, key=_rank, reverse=True)
        chosen[modality] = best
        if others:
            names = some([one.name for one in others])
            notes.append(
                f"{best.case}: {modality} is series {best.name}, not {names}; --series {modality}={others[0].name} "
                "takes another"
            )
    return Chosen(chosen, tuple(notes))


def _rank(series: Series) -> tuple:
    """Return what makes a series the better one, by `RULE`."""
    geometry = series.geometry
    extent_mm = np.multiply(geometry.spacing_mm, geometry.shape)
    covers = bool(extent_mm.min() >= WHOLE_HEAD_MM)
    return covers, -round(geometry.voxel_volume_mm3, 2), geometry.shape[2], series.number or 0


def _tell(found: Found) -> str:
    if not found.series:
        return "none"
    # One that cannot be read says most.
    unread = [f"series {one.name}, of which {one.fault}" for one in found.series if one.fault and not one.aside]
    told = unread or [f"series {one.name}, {one.aside or one.reason}" for one in found.series]
    return some(told, 2)
