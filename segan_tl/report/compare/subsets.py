"""Networks on subsets of modalities, one for all of them or one each: what to expect of a patient who has only some."""

import statistics
from collections.abc import Callable, Sequence

import keras
import numpy as np

from segan_tl.data.find.cases import Case, load_labelled
from segan_tl.errors import UserError
from segan_tl.metrics.overlap import counts
from segan_tl.predict.crew import Crew
from segan_tl.predict.members import Member
from segan_tl.predict.network import Network, as_network
from segan_tl.predict.postprocess import binarise
from segan_tl.predict.segment import segment_case
from segan_tl.regions import region_masks
from segan_tl.report.compare.matrix import SUBSET, Scores, subsets

MEAN = "mean"  # of all subsets, in their column
COST = ("rule", "networks", "parameters", "seconds_per_case")
EACH = "one network each"  # the rule of runs that were trained on a subset and see no other


def score_subsets(
    members: Sequence[Member],
    models: Sequence[keras.Model],
    cases: Sequence[Case],
    *,
    order: Sequence[str],
    advance: Callable[[str], None],
) -> Scores:
    """Segment every case from each subset of its modalities, with each of the networks.

    What is not in the subset is taken away before the case is prepared, crop and normalisation included, as if the
    patient had never had it. A subset is scored on the cases that have all of it.

    Args:
        members: runs with data.subsets = "any"; one without segments the subset that it was trained on.
        models: their segmentors.
        cases: with label maps.
        order: of the modalities, in which a subset is named.
        advance: called with one line a case.

    Returns:
        `votes`, `failed` and `seconds` of a `Scores`; the rule is a run for any subset, EACH for the others.

    Raises:
        UserError: no case could be read.
    """
    scores, crew = Scores.empty(), Crew()
    shared = [crew.share(as_network(model)) for model in models]

    def score(case: Case) -> list[tuple[list[dict], list[float]]] | UserError:
        try:
            return [_score_case(member, model, case, order, crew) for member, model in zip(members, shared)]
        except UserError as error:
            return error

    for case, found in crew.results(cases, score):
        if isinstance(found, UserError):
            scores.failed[case.id] = str(found)
            advance(f"{case.id}  left out: {found}")
            continue
        for member, (_, seconds) in zip(members, found):
            scores.seconds.setdefault(member.name, []).extend(seconds)
        scores.votes.extend(rows := [row for rows, _ in found for row in rows])
        if rows:
            advance(f"{case.id}  mean Dice of all subsets {np.mean([row['dice'] for row in rows]):.3f}")
        else:
            advance(f"{case.id}  has none of the subsets")
    if not scores.votes:
        first = next(iter(scores.failed.values()))
        raise UserError(f"none of the {len(cases)} cases could be read; the first: {first}")
    return scores


def _score_case(
    member: Member, model: Network, case: Case, order: Sequence[str], crew: Crew
) -> tuple[list[dict], list[float]]:
    """Return a row for each subset of what the case has, and each region; and the seconds of all modalities."""
    data, rows, seconds = member.config.data, [], []
    sets = subsets(len(data.modalities)) if data.any_subset else [tuple(range(len(data.modalities)))]
    sets = [chosen for chosen in sets if all(data.modalities[i] in case.images for i in chosen)]
    if not sets:
        return [], []
    loaded = load_labelled(case, data.modalities, any_subset=True)
    truth = region_masks(loaded.labels, data.regions)
    rule = member.name if data.any_subset else EACH
    for chosen in sets:
        names = sorted((data.modalities[i] for i in chosen), key=order.index)
        image = np.zeros_like(loaded.image)
        image[..., chosen] = loaded.image[..., chosen]
        began = crew.seconds()
        probability = segment_case(model, image, member.config, spacing_mm=loaded.spacing_mm, case=case.id)
        if len(chosen) == len(data.modalities):
            seconds.append(crew.seconds() - began)
        prediction = binarise(probability, member.config.predict)
        for i, region in enumerate(data.regions):
            row = dict(zip(SUBSET, ("+".join(names), len(names), rule, region)))
            rows.append(row | {"case": case.id, "dice": counts(truth[..., i], prediction[..., i]).dice})
    return rows, seconds


def one_each(cells: Sequence[dict]) -> list[dict]:
    """Return what models of one modality, each on its own, are in the table of subsets: one network each, too.

    Args:
        cells: of a `Scores`.
    """
    return [
        dict(zip(SUBSET, (cell["modality"], 1, EACH, cell["region"]))) | {"case": cell["case"], "dice": cell["dice"]}
        for cell in cells
        if cell["modality"] == cell["trained_on"]
    ]


def costs_of(
    members: Sequence[Member], parameters: Sequence[int], seconds: dict[str, list[float]], *, votes: bool
) -> list[dict]:
    """Return what each way to segment every subset takes: networks, parameters, seconds a case with all modalities.

    Args:
        members: all runs that were scored.
        parameters: of each.
        seconds: run → of its cases; the median counts, for the first one waits for TensorFlow. Of a run without any,
            because no case has all modalities, nothing is known: None.
        votes: those of one modality, where there are any, voted.
    """
    takes = {name: statistics.median(taken) for name, taken in seconds.items() if taken}
    sizes = {member.name: count for member, count in zip(members, parameters)}
    any_of = [member for member in members if member.config.data.any_subset]
    rest = [member for member in members if member not in any_of]
    alone = [member for member in rest if len(member.config.data.modalities) == 1]
    ways = [(member.name, [member], takes.get(member.name)) for member in any_of]
    if votes and alone:  # each of them sees every case
        ways.append(("votes", alone, sum(takes[member.name] for member in alone)))
    if len(rest) > len(alone):
        last = max(rest, key=lambda member: len(member.config.data.modalities))
        ways.append((EACH, rest, takes.get(last.name)))
    return [
        dict(zip(COST, (rule, len(runs), sum(sizes[member.name] for member in runs), taken)))
        for rule, runs, taken in ways
    ]


def with_means(rows: Sequence[dict], modalities: Sequence[str]) -> list[dict]:
    """Return summarised rows, the small subsets first, then the mean over all subsets, each alike, of rule and region.

    A rule that lacks a subset of another, as votes of three runs do beside a network for four modalities, has no
    mean: it would be of other subsets.

    Args:
        rows: keys SUBSET, "dice", "std", "cases".
        modalities: in their order.
    """
    names = {row["modalities"]: [modalities.index(name) for name in row["modalities"].split("+")] for row in rows}
    rows = sorted(rows, key=lambda row: (row["number"], names[row["modalities"]]))
    groups = {}
    for row in rows:
        groups.setdefault((row["rule"], row["region"]), []).append(row["dice"])
    return rows + [
        dict(zip(SUBSET, (MEAN, None, rule, region))) | {"dice": sum(values) / len(values), "std": None, "cases": None}
        for (rule, region), values in groups.items()
        if len(values) == len(names)
    ]
