"""Where predictions go: names, the refusal to overwrite, and what is written beside them."""

import functools
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from segan_tl.data.files.formats import suffix_of
from segan_tl.data.files.geometry import Geometry
from segan_tl.data.files.images import write_volume
from segan_tl.data.find.cases import Case
from segan_tl.disk.atomic import write_csv, write_json
from segan_tl.disk.paths import safe_name
from segan_tl.disk.reading import find_fault
from segan_tl.errors import UserError, some
from segan_tl.predict.decider import decider_of
from segan_tl.predict.plausibility import remark_lines
from segan_tl.predict.review_table import FILE as REVIEW
from segan_tl.predict.review_table import is_review, write_review
from segan_tl.runs import read_json
from segan_tl.schemas.runs import Predictions

RECORD = "predictions.json"
VOLUMES = "volumes.csv"
VOLUME_COLUMNS = ("case", "region", "ml", "low_ml", "high_ml", "head_not_segmented_ml", "agreement", "remarks")
NEWER = ("low_ml", "high_ml"), ("low_ml", "high_ml", "agreement")  # columns that versions before did not write
SUFFIX = ".nii.gz"


@dataclass(frozen=True)
class Outputs:
    """The files of every case.

    Attributes:
        folder: where everything is written.
        single: the label file when the user named one.
    """

    folder: Path
    single: Path | None = None

    @property
    def record(self) -> Path:
        """Return the JSON file that says what made the predictions."""
        return self.folder / RECORD if self.single is None else _beside(self.single, ".json")

    @property
    def volumes(self) -> Path:
        """Return the table of volumes and remarks, CSV."""
        return self.folder / VOLUMES if self.single is None else _beside(self.single, "_volumes.csv")

    @property
    def review(self) -> Path:
        """Return the table of cases that want a second look, CSV; it is there where there was one."""
        return self.folder / REVIEW if self.single is None else _beside(self.single, f"_{REVIEW}")

    def read_record(self) -> dict:
        """Return what an earlier call recorded, nothing where there was none."""
        return read_json(self.record, Predictions) if self.record.is_file() else {}

    def begin(self, cases: Sequence[Case]) -> None:
        """Record what is going to be written: after a kill the same command may replace it."""
        earlier = self.read_record()
        unfinished = {*earlier.get("unfinished", ()), *(case.id for case in cases)}
        write_json(self.record, earlier | {"unfinished": sorted(unfinished)})

    def finish(self, cases: Sequence[Case], about: dict, records: dict, left_out: Mapping[str, str] | None = None):
        """Record what made the predictions; cases of an earlier call stay in it, if the same network decided them.

        Args:
            left_out: case → why it has no prediction.
        """
        earlier = self.read_record()
        left = sorted({*earlier.get("unfinished", ())} - {case.id for case in cases})
        flags = {"flag_below": earlier["flag_below"]} if "flag_below" in earlier else {}
        same = decider_of(earlier) in (None, decider_of(about))
        record = flags | about | {"cases": (earlier.get("cases", {}) if same else {}) | records}
        left_out = (earlier.get("left_out", {}) if same else {}) | (left_out or {})
        if left_out := {case: reason for case, reason in left_out.items() if case not in record["cases"]}:
            record["left_out"] = left_out
        write_volumes(self.volumes, record["cases"])
        write_review(self.review, record["cases"], flag_below=record.get("flag_below"))
        write_json(self.record, record | ({"unfinished": left} if left else {}))

    def labels(self, case_id: str) -> Path:
        """Return the label volume of a case."""
        return self.single or self.folder / f"{safe_name(case_id, 'the case')}{SUFFIX}"

    def probability(self, case_id: str) -> Path:
        """Return the probability volume of a case."""
        return _beside(self.labels(case_id), f"_probability{SUFFIX}")

    def promised(self, case_id: str, kind: str) -> Path:
        """Return the masks at the thresholds of a guarantee, of a case; `kind` of `schemas.trust.KINDS`."""
        return _beside(self.labels(case_id), f"_{kind}{SUFFIX}")

    def agreement(self, case_id: str) -> Path:
        """Return the map of the share of an ensemble's members that say tumour, of a case."""
        return _beside(self.labels(case_id), f"_agreement{SUFFIX}")


def plan_outputs(
    out: Path,
    cases: Sequence[Case],
    *,
    probabilities: bool,
    overwrite: bool,
    agreement: bool = False,
    promised: str | None = None,
) -> Outputs:
    """Turn OUT into file names, before any work is done.

    Args:
        probabilities, agreement: whether these are written beside the masks.
        promised: of which kind of `schemas.trust.KINDS` masks are written, too; None for none.

    Raises:
        UserError: one file name for several cases, a file where a folder is needed, an output that would replace an
            input, or one that exists without `overwrite`, unless a call that was killed has left it.
    """
    if (suffix := suffix_of(out.name)) not in (None, SUFFIX):
        raise UserError(f"predictions are {SUFFIX} files, not {suffix}; give a folder or a name ending in {SUFFIX}")
    if out.name.endswith(SUFFIX):
        if len(cases) != 1:
            raise UserError(f"{out} names one file, there are {len(cases)} cases; give a folder")
        outputs = Outputs(out.parent, out)
    else:
        if out.is_file():
            raise UserError(f"expected a folder; {out} is a file; give a folder or a name ending in {SUFFIX}")
        outputs = Outputs(out)
    planned = [outputs.labels(case.id) for case in cases]
    beside = [outputs.probability] * probabilities + [outputs.agreement] * agreement
    beside += [functools.partial(outputs.promised, kind=promised)] if promised else []
    planned += [path(case.id) for path in beside for case in cases]
    if len(set(planned)) < len(planned):
        twice = next(path for path in planned if planned.count(path) > 1)
        raise UserError(
            f"two outputs would have the name {twice}; rename the case, or leave --probabilities, --agreement or "
            "--guarantee out"
        )
    _protect_inputs(planned, cases)
    for path, is_ours in ((outputs.record, _is_record), (outputs.volumes, _is_table), (outputs.review, is_review)):
        if path.exists() and not is_ours(path):
            raise UserError(f"{path} is there already, and no predict of segan_tl wrote it; give another OUT")
    unfinished = [case.id for case in cases if case.id in outputs.read_record().get("unfinished", ())]
    left = {path(case) for case in unfinished for path in (outputs.labels, *beside)}
    existing = [path for path in planned if path.exists() and path not in left]
    if existing and not overwrite:
        more = f", and {len(existing) - 1} more" if len(existing) > 1 else ""
        new = [case.id for case in cases if not outputs.labels(case.id).exists()]
        alone = f", or {some(new)} alone as INPUT, one a call" if new else ""
        raise UserError(f"{existing[0]} exists already{more}; add --overwrite to replace, or give another OUT{alone}")
    return outputs


def write_probability(path: Path, probability: np.ndarray, geometry: Geometry) -> None:
    """Write float32 probabilities: 3-D for one region, regions last for several."""
    data = probability[..., 0] if probability.shape[-1] == 1 else probability
    write_volume(path, data, geometry, dtype=np.float32)


def write_masks(path: Path, masks: np.ndarray, geometry: Geometry) -> None:
    """Write masks (H, W, D, R) as 0 and 1: 3-D for one region, regions last for several."""
    data = masks[..., 0] if masks.shape[-1] == 1 else masks
    write_volume(path, data.astype(np.uint8), geometry)


def write_volumes(path: Path, records: dict[str, dict]) -> None:
    """Write a row for each case and region: its volume, how far an ensemble agrees, and what is to be said of the case.

    Args:
        records: case id → what predictions.json says of it.
    """
    rows = []
    for case_id, record in records.items():
        used = [f"segmented from {', '.join(record['used'])}"] if "used" in record else []
        remarks = used + remark_lines(record.get("unlike_training", ()), record.get("doubtful", ()))
        remarks += [record["cluster_remark"]] if record.get("cluster_remark") else []
        said = {"remarks": "; ".join(remarks), "head_not_segmented_ml": record.get("head_not_segmented_ml")}
        agreed = record.get("agreement", {})
        for region, volume_ml in record.get("volume_ml", {}).items():
            own = {"case": case_id, "region": region, "ml": round(volume_ml, 3), "agreement": agreed.get(region)}
            interval_ml = record.get("interval_ml", {}).get(region) or (None, None)
            rows.append(own | dict(zip(("low_ml", "high_ml"), interval_ml)) | said)
    write_csv(path, VOLUME_COLUMNS, rows)


def _is_table(path: Path) -> bool:
    """Return whether a file is a table of ours, which is written anew with the cases of every call."""
    if not path.is_file():
        return False
    with path.open(encoding="utf-8", errors="replace") as file:
        headers = (tuple(name for name in VOLUME_COLUMNS if name not in newer) for newer in ((), *NEWER))
        return file.readline(1000).strip() in map(",".join, headers)


def _is_record(path: Path) -> bool:
    """Return whether a file is a record of ours, to which the cases of another call can be added."""
    if find_fault(path):
        return False
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return False
    keys = set(found) if isinstance(found, dict) else set()
    return {"cases", "regions", "segan_tl"} <= keys or keys == {"unfinished"}


def _protect_inputs(planned: list[Path], cases: Sequence[Case]) -> None:
    used = [source.path for case in cases for source in (*case.images.values(), case.mask) if source]
    sources = {os.path.realpath(path) for path in used}  # Path.resolve fails where a link leads in a circle
    for path in planned:
        if os.path.realpath(path) in sources:
            raise UserError(f"{path} is an input: it would be replaced by its prediction; give another OUT")


def _beside(path: Path, ending: str) -> Path:
    return path.with_name(path.name.removesuffix(SUFFIX) + ending)
