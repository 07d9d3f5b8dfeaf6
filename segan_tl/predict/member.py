"""A run that is to segment: its configuration, what it says of itself, how its probabilities are to be taken."""

import functools
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from segan_tl.config.schema import Config
from segan_tl.disk.manifest import verify
from segan_tl.errors import UserError
from segan_tl.portable.artefact import Artefact
from segan_tl.predict.promise import Promise, promise_of, read_promise
from segan_tl.predict.temperature import Temperatures, read_temperatures, temperatures_of
from segan_tl.runs import Run, read_json


@dataclass(frozen=True)
class Member:
    """One run.

    Attributes:
        name: the last two parts of its folder, segan/flair; the whole folder where two runs share these.
        config: its configuration, or what the user made of it.
        state: its run.json.
        artefact: the zip that it is, None for a folder.
        uncalibrated: whether its probabilities stay what its network says.
        guarantee_file: what stands in for its guarantee.json, of another cohort say; None for its own.
    """

    run: Run
    name: str
    config: Config
    state: dict
    artefact: Artefact | None = None
    uncalibrated: bool = False
    guarantee_file: Path | None = None

    @property
    def modality(self) -> str:
        """Return the one modality that it was trained on, the first of several."""
        return self.config.data.modalities[0]

    @functools.cached_property
    def cohort(self) -> dict | None:
        """Return what its training cases looked like; None where the run does not keep it.

        Raises:
            UserError: cohort_fingerprint.json is damaged.
        """
        if self.artefact:
            return self.artefact.cohort
        return read_json(self.run.fingerprint) if self.run.fingerprint.is_file() else None

    @property
    def digest(self) -> str | None:
        """Return the sha256 of its network; of a folder as the manifest states it, None where it holds none.

        Raises:
            UserError: the checkpoint is absent or damaged.
        """
        return self.artefact.sha256 if self.artefact else verify(self.run.best).get("segmentor.keras")

    @functools.cached_property
    def temperatures(self) -> Temperatures | None:
        """Return what calibrates its probabilities; None where nobody has calibrated it, or nobody wants it.

        Raises:
            UserError: its calibration.json is damaged, or of other weights.
        """
        if self.uncalibrated:
            return None
        if self.artefact is None:
            path = self.run.calibration
            return read_temperatures(path, self.digest, self.config) if path.is_file() else None
        found, where = self.artefact.calibration, f"{self.artefact.path}: {self.run.calibration.name}"
        return None if found is None else temperatures_of(found, self.trained_digest, self.config, where=where)

    @functools.cached_property
    def promise(self) -> Promise | None:
        """Return what its guarantee.json promises of a new patient; None where nobody has asked for one.

        Raises:
            UserError: it is damaged, or of other weights.
        """
        if self.guarantee_file:
            return read_promise(self.guarantee_file, self.trained_digest, self.config)
        path = self.run.guarantee
        if self.artefact is None:
            return read_promise(path, self.digest, self.config) if path.is_file() else None
        found, where = self.artefact.guarantee, f"{self.artefact.path}: {path.name}"
        return None if found is None else promise_of(found, self.trained_digest, self.config, where=where)

    @property
    def trained_digest(self) -> str | None:
        """Return the sha256 of its segmentor.keras, of an artefact of the one that it was made of.

        Raises:
            UserError: the checkpoint is absent or damaged.
        """
        return self.artefact.about["segmentor_sha256"] if self.artefact else self.digest

    def calibrate(self, probability: np.ndarray) -> np.ndarray:
        """Return the probabilities of its network, calibrated where it was."""
        return probability if self.temperatures is None else self.temperatures.calibrate(probability)

    @property
    def thresholds(self) -> tuple[float, ...]:
        """Return for each region what its threshold is on the probabilities that `calibrate` returns."""
        threshold = self.config.predict.threshold
        if self.temperatures is None:
            return (threshold,) * len(self.config.data.regions)
        return self.temperatures.thresholds(threshold)

    @property
    def synthetic(self) -> bool:
        """Return whether it was trained on simulated patients."""
        return bool(self.state.get("data", {}).get("synthetic", False))

    @property
    def weight(self) -> float:
        """Return what its vote weighs: its best validation Dice.

        Raises:
            UserError: run.json does not tell it.
        """
        dice = self.state.get("best_dice")
        if not isinstance(dice, int | float) or not 0 <= dice <= 1:
            raise UserError(
                f"{self.run.state} tells no best validation Dice to weigh it by (best_dice is {dice}); finish the "
                "training, let all weigh the same (--vote majority, --ensemble mean), or give an ensemble --weights"
            )
        return float(dice)
