"""What the probabilities of a run are worth at other thresholds: one chosen on validation cases, and all of them."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import keras
import numpy as np

from segan_tl.config.schema import Config
from segan_tl.data.find.cases import Case, LoadedCase, load_labelled
from segan_tl.disk.atomic import write_csv, write_json
from segan_tl.errors import UserError
from segan_tl.metrics.thresholds import area_under_roc, best_threshold
from segan_tl.predict.postprocess import held_against_threshold
from segan_tl.predict.segment import segment_case
from segan_tl.regions import region_masks
from segan_tl.runs import Run

FILE, AUC_FILE = "operating_point.json", "auc.csv"
AUC_COLUMNS = ("case", "region", "auc_brain", "auc_volume")


def choose_threshold(segmentor: keras.Model, cases: Sequence[Case], config: Config, *, out: Run) -> Config:
    """Choose the threshold with the best Dice, the mean over regions and cases; write operating_point.json.

    Small components are not dropped for it. Source: Kaur 2019 ("a local validation set … to select the operating
    point"); which score that was is not published.

    Args:
        segmentor: of a run.
        cases: validation cases, with label maps.
        config: of the run.
        out: folder of the file.

    Returns:
        The configuration with that threshold.
    """
    point = best_threshold(_pairs(segmentor, cases, config))
    record = {"threshold": point.threshold, "validation_dice": point.score, "cases": sorted(case.id for case in cases)}
    write_json(out.root / FILE, record | {"decision": config.predict.decision})
    predict = config.predict.model_copy(update={"threshold": point.threshold})
    return config.model_copy(update={"predict": predict})


def write_auc(segmentor: keras.Model, cases: Sequence[Case], config: Config, *, path: Path) -> dict[str, str]:
    """Write the area under the ROC curve over voxels of every case and region; empty where it is not defined.

    Returns:
        Case → why it is left out: it cannot be read, or has no label map.
    """
    rows, failed = [], {}
    for case in cases:
        try:
            loaded = load_labelled(case, config.data.modalities, any_subset=config.data.any_subset)
        except UserError as error:
            failed[case.id] = str(error)
            continue
        rows += _areas(segmentor, case, loaded, config=config)
    write_csv(path, AUC_COLUMNS, (dict(zip(AUC_COLUMNS, row)) for row in rows))
    return failed


def _areas(segmentor: keras.Model, case: Case, loaded: LoadedCase, *, config: Config) -> list[tuple]:
    """Return the rows of one case."""
    rows = []
    brain = np.any(loaded.image != 0, axis=-1)
    probability = segment_case(segmentor, loaded.image, config, spacing_mm=loaded.spacing_mm, case=case.id)
    probability = probability[..., -len(config.data.regions) :]  # without the background of a softmax
    truth = region_masks(loaded.labels, config.data.regions)
    for place, region in enumerate(config.data.regions):
        inside, found = truth[..., place], probability[..., place]
        areas = (area_under_roc(inside[brain], found[brain]), area_under_roc(inside, found))
        rows.append((case.id, region, *("" if np.isnan(area) else area for area in areas)))
    return rows


def _pairs(
    segmentor: keras.Model, cases: Sequence[Case], config: Config
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield truth and what a threshold is held against, of every case and region, one case in memory at a time."""
    for case in cases:
        loaded = load_labelled(case, config.data.modalities, any_subset=config.data.any_subset)
        probability = segment_case(segmentor, loaded.image, config, spacing_mm=loaded.spacing_mm, case=case.id)
        held = held_against_threshold(probability, config.predict.decision)
        truth = region_masks(loaded.labels, config.data.regions)
        for place in range(len(config.data.regions)):
            yield truth[..., place], held[..., place]
