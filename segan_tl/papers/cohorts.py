"""The cohorts of a reproduction: how they are called, found or simulated, and prepared before the first training."""

import argparse
from dataclasses import dataclass, field
from pathlib import Path

from segan_tl.config.load import load_config
from segan_tl.disk.paths import folder_name
from segan_tl.errors import UserError
from segan_tl.runs import read_json
from segan_tl.workflow.arguments import preparation_jobs
from segan_tl.workflow.cohort import find_cohort, prepare

SMALLEST_CROP_MM = 140  # a head's width; a smaller crop cuts tumours off


@dataclass(frozen=True)
class Cohort:
    """How a cohort is prepared, and which one is simulated where there is no data.

    Attributes:
        configs: scale → configuration.
        settings: scale → KEY=VALUE that it changes there.
    """

    configs: dict[str, str]
    settings: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def load(self, scale: str):
        """Return the configuration."""
        return load_config(self.configs[scale], list(self.settings.get(scale, ())))

    def name(self, scale: str, folder: Path | None, *, option: str) -> str:
        """Return how it is called: by the folder that an option gave, or by its synthetic cohort."""
        return folder_name(folder, f"the folder of {option}") if folder else self.load(scale).phantom.cohort


def prepare_cohort(config, folder: Path | None, cache: Path):
    """Find or simulate a cohort and prepare all of it once, before several trainings want it at the same time."""
    from segan_tl.console import console

    where = argparse.Namespace(data=folder, patients=None, cache=cache, jobs=preparation_jobs(), skip_bad_cases=True)
    cohort = find_cohort(where, config)
    sound = prepare(where, config, cohort)
    if len(sound) < len(cohort.cases):
        # Leaving them out is no remedy: a modality that lacks a case would be split and tested in another way.
        raise UserError(
            f"{len(cohort.cases) - len(sound)} of {len(cohort.cases)} cases cannot be used in all "
            f"{len(config.data.modalities)} modalities; mend them as said above, or move them out of the folder"
        )
    width_mm = _crop_width_mm(cohort, config)
    if width_mm is not None and width_mm < SMALLEST_CROP_MM:
        console.print(
            f"note: {config.name}.toml is made for 2 mm voxels; of these images it sees {width_mm:.0f} mm "
            "only, and tumours will be cut off; --scale full sees all of it",
            style="yellow", soft_wrap=True,
        )  # fmt: skip
    return cohort


def _crop_width_mm(cohort, config) -> float | None:
    """Return how many millimetres of the first case the crop covers from side to side, None where all is seen."""
    from segan_tl.data.files.images import read_header

    if config.data.crop is None:
        return None
    images = next((case.images for case in cohort.cases if case.images), {})
    source = next(iter(images.values()), None)
    if source is None:
        return None
    return (config.data.spacing_mm or read_header(source).spacing_mm[0]) * config.data.crop[0]


def check_same_data(runs: list, cohort) -> None:
    """Refuse to mix data: a finished run is not looked at again by its own command."""
    from segan_tl.data.splits import PARTS

    ids = {case.id for case in cohort.cases}
    synthetic = bool(cohort.settings.get("synthetic", False))
    for run in runs:
        if not (run.state.is_file() and run.splits.is_file()):
            continue
        data = read_json(run.state).get("data", {})
        folder = Path(data.get("folder", cohort.folder))
        split = read_json(run.splits)
        known = all(case in ids for part in PARTS for case in split[part])
        # Synthetic patients of another seed or size have the same names: their folder's name tells them apart.
        alike = known and bool(data.get("synthetic")) == synthetic
        if not alike or synthetic and folder.name != cohort.folder.resolve().name:
            raise UserError(
                f"{run.root} was trained on {folder}, this command means {cohort.folder}; keep the two apart with "
                "--runs ANOTHER --out ANOTHER, or give the same --data"
            )
