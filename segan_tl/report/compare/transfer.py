"""What a transfer was worth: the source untouched, training from scratch, the transferred model, on the same cases.

Beside the source untouched stands the source with the statistics of its BatchNormalization measured on the target's
training images, without a label: what of the loss is but another distribution of intensities [Li 2017, AdaBN].
"""

import statistics
from collections.abc import Callable, Sequence

import keras

from segan_tl.config.schema import Config
from segan_tl.console import case_progress
from segan_tl.data.cache import CachedCase
from segan_tl.data.find.cases import Case, load_case
from segan_tl.disk.atomic import write_json
from segan_tl.metrics.overlap import dice
from segan_tl.models.weights import load_network
from segan_tl.predict.crew import Crew
from segan_tl.predict.network import as_network
from segan_tl.predict.postprocess import binarise, settle
from segan_tl.predict.segment import segment_case
from segan_tl.regions import region_masks
from segan_tl.runs import Run, read_state
from segan_tl.schemas.tables import read_metrics
from segan_tl.train.start.channels import slices_of
from segan_tl.train.start.renormalise import normalisations, renormalise, unlabelled_images


def compare_transfer(
    run: Run, scratch: Run | None, config: Config, *, source, cases: Sequence[Case],
    training: Callable[[], Sequence[CachedCase]],
) -> dict:  # fmt: skip
    """Score the untouched source on the run's test cases and put the means side by side; write comparison.json.

    Args:
        run: the finished transfer.
        scratch: the target from scratch, with the same settings; it counts only where its test cases are the same. None
            where there is no such run.
        config: the transfer's configuration.
        source: the transfer's Source.
        cases: the cohort.
        training: () → the prepared training cases; asked where the source has a BatchNormalization.

    Returns:
        regions → region → {"source", "renormalised", "scratch", "transferred"} → mean test Dice, None where there is
        none; "renormalised" is left out where there is nothing to normalise anew.
    """
    state = read_state(run)
    config = settle(config, state)
    transferred, fresh = read_dice(run), read_dice(scratch) if scratch and scratch.metrics.is_file() else {}
    test = {case for case, _ in transferred}
    fresh = fresh if {case for case, _ in fresh} == test else {}
    found = {"source": {}}
    if source.regions == config.data.regions and (loaded := _load_alike(source, config)):
        segmentor, theirs = loaded
        chosen = [case for case in cases if case.id in test]
        found = {"source": _score(segmentor, chosen, theirs, how="untouched")}
        if normalisations(segmentor):
            renormalise(segmentor, unlabelled_images(training(), theirs))
            found["renormalised"] = _score(segmentor, chosen, theirs, how="normalisation of the target")
    found |= {"scratch": fresh, "transferred": transferred}
    comparison = {
        "regions": {
            region: {name: _mean(scores, region) for name, scores in found.items()} for region in config.data.regions
        },
        "cases": len(test),
        "source": source.named,
        "target": list(config.data.modalities),
        "run": str(run.root),
        "strategy": config.transfer.strategy,
        "scratch": str(scratch.root) if fresh else None,
        "synthetic": bool(state.get("data", {}).get("synthetic")),
    }
    write_json(run.comparison, comparison)
    return comparison


def _score(segmentor: keras.Model, cases: Sequence[Case], config: Config, *, how: str) -> dict[tuple[str, str], float]:
    """Return (case, region) → Dice of a segmentor."""
    found, crew, regions = {}, Crew(), config.data.regions
    network = crew.share(as_network(segmentor))

    def score(case: Case) -> list[float]:
        loaded = load_case(case, config.data.modalities, any_subset=config.data.any_subset)
        probability = segment_case(network, loaded.image, config, spacing_mm=loaded.spacing_mm, case=case.id)
        prediction, truth = binarise(probability, config.predict), region_masks(loaded.labels, regions)
        return [dice(truth[..., i], prediction[..., i]) for i in range(len(regions))]

    with case_progress(f"source on the target, {how}", total=len(cases)) as advance:
        for case, scores in crew.results(cases, score):
            found |= {(case.id, region): value for region, value in zip(regions, scores)}
            advance(f"{case.id}  {how}  Dice {found[case.id, regions[0]]:.3f}")
    return found


def _load_alike(source, config: Config) -> tuple[keras.Model, Config] | None:
    """Return the source's network, and the target's configuration with the neighbours that it sees.

    None where it does not take what the target's does, or was trained on slices of another plane.
    """
    turned = source.config and source.config.data.plane != config.data.plane
    if turned or len(source.modalities) != len(config.data.modalities):
        return None
    segmentor = load_network(source.segmentor)
    slices, planes = slices_of({"modalities": source.modalities}, channels=segmentor.input_shape[-1])
    if planes != config.data.any_subset:
        return None
    data = config.data.model_copy(update={"neighbours": slices // 2})
    return segmentor, config.model_copy(update={"data": data})


def read_dice(run: Run) -> dict[tuple[str, str], float]:
    """Return (case, region) → Dice of a scored run."""
    return {(row["case"], row["region"]): float(row["dice"] or "nan") for row in read_metrics(run.metrics)}


def _mean(scores: dict[tuple[str, str], float], region: str) -> float | None:
    values = [value for (_, name), value in scores.items() if name == region]
    return statistics.fmean(values) if values else None
