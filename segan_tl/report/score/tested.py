"""What the test of a run finds in a case, and how a journal keeps it: numbers as they are, the panel as a .npz."""

import base64
import io
from typing import NamedTuple

import numpy as np

from segan_tl import __version__
from segan_tl.data.arrays import name_hash
from segan_tl.data.files.images import write_volume
from segan_tl.data.find.case import Case
from segan_tl.data.find.cases import LoadedCase
from segan_tl.disk.journal import Journal, key_of
from segan_tl.disk.paths import safe_name
from segan_tl.metrics.columns import Plan
from segan_tl.metrics.pair import MaskPair
from segan_tl.metrics.unions import with_unions
from segan_tl.predict.labels import label_scheme, paint_labels
from segan_tl.predict.members import Member
from segan_tl.predict.plausibility import used_modalities
from segan_tl.regions import region_masks
from segan_tl.report.figures import Panel, cut_panel
from segan_tl.report.score.remarks import remarks_on_test
from segan_tl.report.score.scores import score_case
from segan_tl.report.shown import shown_modality
from segan_tl.runs import Run

ARRAYS = ("image", "truth", "prediction")


class Tested(NamedTuple):
    """What was found in a case.

    Attributes:
        rows: of metrics.csv.
        panel: for the picture of the run.
        remarks: for summary.json.
    """

    rows: list[dict]
    panel: Panel
    remarks: dict


def score_prediction(
    run: Run, case: Case, prediction: np.ndarray, loaded: LoadedCase, member: Member, plan: Plan
) -> Tested:
    """Write the prediction of a test case and score it.

    Args:
        run: where it is written.
        prediction: (H, W, D, R) bool, a mask a region.
        loaded: the case, with its labels.
    """
    config = member.config
    regions = config.data.regions
    labels = paint_labels(prediction, regions, label_scheme(regions, case.convention))
    write_volume(run.predictions / f"{safe_name(case.id, 'the case')}.nii.gz", labels, loaded.geometry)
    remarks = remarks_on_test(loaded, prediction, member)
    prediction, scored = with_unions(prediction, regions)
    truth = region_masks(loaded.labels, scored)
    pairs = {
        region: MaskPair(truth[..., i], prediction[..., i], loaded.spacing_mm) for i, region in enumerate(scored)
    }
    rows = score_case(case.id, case.patient, pairs, plan)
    scores = {row["region"]: row["dice"] for row in rows if row["region"] in regions}
    names = used_modalities(loaded.image, config.data) if config.data.any_subset else config.data.modalities
    shown = config.data.modalities.index(shown_modality(names, regions))
    panel = cut_panel(
        case.id, loaded.image[..., shown], truth[..., : len(regions)], prediction=prediction[..., : len(regions)],
        scores=scores, spacing_mm=loaded.spacing_mm,
    )  # fmt: skip
    return Tested(rows, panel, remarks)


def key_of_test(case: Case, member: Member, plan: Plan, *, digest: str) -> str:
    """Return what a case's result was made of: its files, the network, the settings and the scores that are wanted.

    Args:
        digest: sha256 of the network.
    """
    images = [case.images[name] for name in member.config.data.modalities if name in case.images]
    files = name_hash(sources=[*images, case.mask])
    settings = [section.model_dump(mode="json") for section in (member.config.data, member.config.predict)]
    return key_of(__version__, digest, settings, repr(plan), case.id, case.patient, case.convention, files)


def tested_before(run: Run, keys: dict[str, str], journal: Journal) -> dict[str, Tested]:
    """Return case → what an interrupted call found, of the same files and settings, whose prediction is there.

    Args:
        keys: case → its key.
    """
    there = {case: key for case, key in keys.items() if key in journal.found}
    return {
        case: unpack(journal.found[key])
        for case, key in there.items()
        if (run.predictions / f"{case}.nii.gz").is_file()
    }


def pack(tested: Tested) -> dict:
    """Return what JSON can hold."""
    content = io.BytesIO()
    np.savez_compressed(content, **{name: getattr(tested.panel, name) for name in ARRAYS})
    panel = {name: value for name, value in tested.panel._asdict().items() if name not in ARRAYS}
    arrays = base64.b64encode(content.getvalue()).decode("ascii")
    return {"rows": tested.rows, "panel": panel, "arrays": arrays, "remarks": tested.remarks}


def unpack(packed: dict) -> Tested:
    """Return what `pack` has put away."""
    with np.load(io.BytesIO(base64.b64decode(packed["arrays"])), allow_pickle=False) as arrays:
        panel = Panel(**packed["panel"], **{name: arrays[name] for name in ARRAYS})
    return Tested(packed["rows"], panel, packed["remarks"])
