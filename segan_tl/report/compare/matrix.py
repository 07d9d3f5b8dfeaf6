"""Every single-modality model on every modality [Giacomello 2020, Fig. 3], and their votes where several are there."""

import itertools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import keras
import numpy as np

from segan_tl.data.find.cases import Case, LoadedCase, load_case
from segan_tl.disk.atomic import write_csv
from segan_tl.errors import UserError
from segan_tl.metrics.distances import bounding_box
from segan_tl.metrics.overlap import counts
from segan_tl.predict.crew import Crew
from segan_tl.predict.members import Member
from segan_tl.predict.network import Network, as_network
from segan_tl.predict.postprocess import binarise
from segan_tl.predict.segment import segment_case
from segan_tl.predict.vote import RULES
from segan_tl.predict.voters import count_votes
from segan_tl.regions import region_masks
from segan_tl.report.score.evaluate import describe

CELL = ("run", "trained_on", "modality", "region")
SUBSET = ("modalities", "number", "rule", "region")


class Scores(NamedTuple):
    """The Dice of every case.

    Attributes:
        cells: one dictionary a run, modality, case and region: CELL, "case", "dice".
        votes: one dictionary a subset of modalities, rule, case and region: SUBSET, "case", "dice".
        failed: cases that could not be read, and why.
        seconds: run → what each of its cases took to segment with all modalities that the run takes.
    """

    cells: list[dict]
    votes: list[dict]
    failed: dict[str, str]
    seconds: dict[str, list[float]]

    @classmethod
    def empty(cls) -> "Scores":
        """Return scores of nothing."""
        return cls([], [], {}, {})


def score_matrix(
    members: Sequence[Member],
    models: Sequence[keras.Model],
    cases: Sequence[Case],
    *,
    modalities: tuple[str, ...],
    voting: bool,
    advance: Callable[[str], None],
) -> Scores:
    """Run every model on every modality of every case; each case is read once, a few are in memory at a time.

    A model sees an image as it was trained to (its own crop and percentiles); only the modality is another.

    Args:
        models: the members' segmentors.
        modalities: what the models are applied to; every member's own is among them.
        voting: also count the votes of every subset of the members, each on its own modality.
        advance: called with one line a case.

    Raises:
        UserError: no case could be read.
    """
    scores, crew = Scores.empty(), Crew()
    shared = [crew.share(as_network(model)) for model in models]

    def score(case: Case) -> Scores | UserError:
        try:
            loaded = load_case(case, modalities)
        except UserError as error:
            return error
        truth = region_masks(loaded.labels, members[0].config.data.regions)
        asked = {"modalities": modalities, "truth": truth, "case": case.id}
        cells, own, seconds = _score_models(members, shared, loaded, crew=crew, **asked)
        votes = _score_votes(members, own, truth) if voting else []
        of_case = {"case": case.id}
        taken = {member.name: [value] for member, value in zip(members, seconds)}
        return Scores([cell | of_case for cell in cells], [vote | of_case for vote in votes], {}, taken)

    for case, found in crew.results(cases, score):
        if isinstance(found, UserError):
            scores.failed[case.id] = str(found)
            advance(f"{case.id}  left out: {found}")
            continue
        scores.cells.extend(found.cells)
        scores.votes.extend(found.votes)
        for name, taken in found.seconds.items():
            scores.seconds.setdefault(name, []).extend(taken)
        home = [cell["dice"] for cell in found.cells if cell["trained_on"] == cell["modality"]]
        away = [cell["dice"] for cell in found.cells if cell["trained_on"] != cell["modality"]]
        rest = f", on the others {sum(away) / len(away):.3f}" if away else ""
        advance(f"{case.id}  mean Dice on their own modality {sum(home) / len(home):.3f}{rest}")
    if not scores.cells:
        first = next(iter(scores.failed.values()))
        raise UserError(f"none of the {len(cases)} cases could be read; the first: {first}")
    return scores


def _score_models(
    members: Sequence[Member],
    models: Sequence[Network],
    loaded: LoadedCase,
    *,
    modalities: Sequence[str],
    truth: np.ndarray,
    case: str,
    crew: Crew,
) -> tuple[list[dict], list[np.ndarray], list[float]]:
    """Return the cells of one case, and each member's probability (H, W, D, R) and seconds on its own modality."""
    cells, own, seconds = [], [], []
    for member, model in zip(members, models):
        for column, modality in enumerate(modalities):
            image = loaded.image[..., column : column + 1]
            began = crew.seconds()
            probability = segment_case(model, image, member.config, spacing_mm=loaded.spacing_mm, case=case)
            if modality == member.modality:
                own.append(probability)
                seconds.append(crew.seconds() - began)
            prediction = binarise(probability, member.config.predict)
            for i, region in enumerate(member.config.data.regions):
                cell = dict(zip(CELL, (member.name, member.modality, modality, region)))
                cells.append(cell | {"dice": counts(truth[..., i], prediction[..., i]).dice})
    return cells, own, seconds


def _score_votes(members: Sequence[Member], own: list[np.ndarray], truth: np.ndarray) -> list[dict]:
    """Return the Dice of every non-empty subset of the members, by both rules."""
    masks = [truth, *(found >= member.config.predict.threshold for found, member in zip(own, members))]
    # Outside of what anything marks all votes agree that nothing is.
    box = bounding_box(np.logical_or.reduce([mask.any(axis=-1) for mask in masks]))
    truth, own = truth[box], [probability[box] for probability in own]
    rows = []
    for chosen in subsets(len(members)):
        voters = [members[i] for i in chosen]
        names = "+".join(voter.modality for voter in voters)
        for rule in RULES:
            if len(chosen) > 1 or rule == RULES[0]:  # one model alone gives its own mask by either rule
                voted = count_votes([own[i] for i in chosen], voters=voters, rule=rule)
            for i, region in enumerate(voters[0].config.data.regions):
                dice = counts(truth[..., i], voted[..., i]).dice
                rows.append(dict(zip(SUBSET, (names, len(chosen), rule, region))) | {"dice": dice})
    return rows


def subsets(count: int) -> list[tuple[int, ...]]:
    """Return every non-empty subset of 0 … count - 1, the small ones first."""
    return [chosen for size in range(1, count + 1) for chosen in itertools.combinations(range(count), size)]


# === Means over cases ===


def summarise(rows: Sequence[dict], keys: tuple[str, ...]) -> list[dict]:
    """Return mean ("dice"), "std" (None for one case) and number of "cases" of every group, in order of appearance."""
    groups = {}
    for row in rows:
        groups.setdefault(tuple(row[key] for key in keys), []).append(row["dice"])
    result = []
    for group, values in groups.items():
        described = describe(values)
        found = {"dice": described["mean"], "std": described["std"], "cases": described["n"]}
        result.append(dict(zip(keys, group)) | found)
    return result


class Available(NamedTuple):
    """How well votes do with a given number of modalities: the mean over its subsets, the best and the worst."""

    region: str
    rule: str
    number: int
    mean: float
    best: dict
    worst: dict


def by_number(votes: Sequence[dict]) -> list[Available]:
    """Group summarised votes by region, rule and number of modalities, in order of appearance."""
    groups = {}
    for row in votes:
        groups.setdefault((row["region"], row["rule"], row["number"]), []).append(row)
    result = []
    for (region, rule, number), rows in groups.items():
        ranked = sorted(rows, key=lambda row: -row["dice"])
        mean = sum(row["dice"] for row in rows) / len(rows)
        result.append(Available(region, rule, number, mean, ranked[0], ranked[-1]))
    return result


def write_rows(path: Path, rows: Sequence[dict], *, columns: Sequence[str]) -> None:
    """Write a CSV file of these columns; an empty field where there is no number."""
    short = ({key: f"{value:.6g}" if isinstance(value, float) else value for key, value in row.items()} for row in rows)
    write_csv(path, columns, short)
