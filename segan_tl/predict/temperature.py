"""Temperatures that make a run's probabilities mean what they say; no mask changes by them.

Of a region p → σ(logit(p) / T); of labels that exclude each other p → p^(1/T), divided by the sum of all. A threshold t
on the network's own probability is σ(logit(t) / T) on the calibrated one, so that 0.5 stays 0.5.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.special import expit

from segan_tl.config.schema import Config
from segan_tl.errors import UserError
from segan_tl.schemas.reading import read_json
from segan_tl.schemas.trust import Calibration

SMALLEST = np.float32(2.0**-24)  # beyond it from either end float32 has no probability next to 1


@dataclass(frozen=True)
class Temperatures:
    """How far the probabilities of a run are to be flattened (above 1) or sharpened.

    Attributes:
        values: one a region, in the run's order; all the same where they are labels.
        exclusive: whether regions are labels that exclude each other, background first.
    """

    values: tuple[float, ...]
    exclusive: bool

    def calibrate(self, probability: np.ndarray) -> np.ndarray:
        """Return calibrated probabilities; 0, as outside of what was segmented, stays 0.

        Args:
            probability: (…, R) float32, or (…, 1 + R) of labels.
        """
        if self.exclusive:
            found = np.power(probability, np.float32(1 / self.values[0]))
            total = found.sum(axis=-1, keepdims=True)
            return np.divide(found, total, out=np.zeros_like(found), where=total > 0)
        found = expit(logit(probability) / np.array(self.values, np.float32))
        return np.where(probability > 0, found, np.float32(0))

    def describe(self, config: Config, digest: str) -> dict:
        """Return what calibration.json has to hold for a run of this configuration and a network of this sha256."""
        values = dict(zip(config.data.regions, self.values, strict=True))
        return {"segmentor_sha256": digest, "exclusive": self.exclusive, "temperatures": values}

    def thresholds(self, threshold: float) -> tuple[float, ...]:
        """Return what a threshold on the network's own probabilities is on the calibrated ones, one a region."""
        odds = threshold / (1 - threshold)
        return tuple(odds ** (1 / value) / (1 + odds ** (1 / value)) for value in self.values)


def logit(probability: np.ndarray) -> np.ndarray:
    """Return log(p / (1 − p)), float32, of p no nearer to 0 and 1 than 2⁻²⁴."""
    inside = np.clip(np.asarray(probability, np.float32), SMALLEST, 1 - SMALLEST)
    return np.log(inside) - np.log1p(-inside)


def read_temperatures(path: Path, digest: str, config: Config) -> Temperatures:
    """Return what a calibration.json says.

    Raises:
        UserError: it is damaged, or was fitted to another network or to other regions.
    """
    return temperatures_of(read_json(path, Calibration), digest, config, where=path)


def temperatures_of(found: Mapping, digest: str, config: Config, *, where: Path | str) -> Temperatures:
    """Return what the content of a calibration.json says.

    Args:
        digest: sha256 of the network that it has to be of.
        config: of its run.
        where: the file, for the error.

    Raises:
        UserError: it was fitted to another network or to other regions.
    """
    require_network(found, digest, where=where, again="calibrate")
    regions, exclusive = config.data.regions, is_exclusive(config)
    values = tuple(found["temperatures"].get(region) for region in regions)
    if None in values or found["exclusive"] != exclusive or exclusive and len(set(values)) > 1:
        kind = "one temperature of the labels" if exclusive else "a temperature of each of"
        raise UserError(
            f"{where} is of another run: expected {kind} {', '.join(regions)}; found "
            f"{', '.join(found['temperatures'])}; {Calibration.remedy}"
        )
    return Temperatures(values, exclusive)


def require_network(found: Mapping, digest: str, *, where: Path | str, again: str) -> None:
    """Refuse a file that is of another network than the one at hand.

    Args:
        again: the command that makes it.

    Raises:
        UserError: the sha256 differ.
    """
    if found["segmentor_sha256"] != digest:
        raise UserError(
            f"{where} was made with other weights ({found['segmentor_sha256'][:8]}…) than the run has now "
            f"({digest[:8]}…), as after more training; make it again with python -m segan_tl {again}, or remove it"
        )


def is_exclusive(config: Config) -> bool:
    """Return whether a run's regions are labels that exclude each other (softmax)."""
    return config.model.activation == "softmax"
