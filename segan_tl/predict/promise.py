"""What a guarantee.json promises of the answer for a new patient: thresholds, and an interval of the volume."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from segan_tl.config.schema import Config
from segan_tl.errors import UserError
from segan_tl.metrics.conformal import patients_needed
from segan_tl.predict.temperature import require_network
from segan_tl.schemas.reading import read_json
from segan_tl.schemas.trust import Guarantee

OFFSET_ML = 1.0  # of both volumes of a ratio, so that no tumour at all has one


@dataclass(frozen=True)
class Promise:
    """Of each region a threshold for each of `schemas.trust.KINDS`, and how far the volume may be off.

    Attributes:
        alpha: share of the volume, and of intervals that fail.
        patients: that it is from.
        regions: region → the content of guarantee.json.
    """

    alpha: float
    patients: int
    regions: Mapping[str, Mapping]

    def interval_ml(self, region: str, volume_ml: float) -> tuple[float, float] | None:
        """Return where the true volume lies with a probability of 1 − alpha; None where nobody knows.

        The interval of all volumes V with |log((V + 1 ml) / (volume + 1 ml))| no larger than what the patients that
        calibrated it had.
        """
        reach = self.regions[region]["volume"]["reach"]
        if reach is None:
            return None
        whole_ml = volume_ml + OFFSET_ML
        return max(0.0, whole_ml * math.exp(-reach) - OFFSET_ML), whole_ml * math.exp(reach) - OFFSET_ML

    def thresholds(self, kind: str, regions: Sequence[str]) -> tuple[float, ...]:
        """Return the thresholds on the network's own probabilities that keep a kind of share below alpha.

        Raises:
            UserError: a region has none.
        """
        found = tuple(self.regions[region][kind]["threshold"] for region in regions)
        if None in found:
            region, needed = regions[found.index(None)], patients_needed(self.alpha)
            count = f"{self.patients} patient{'s' * (self.patients > 1)}"
            few = f"{count} calibrated it, {needed} are the fewest for alpha {self.alpha:g}"
            none = f"at no threshold is the share of {region} that is {kind} below alpha {self.alpha:g}"
            raise UserError(
                f"expected a guarantee of every region for --guarantee {kind}; that of {region} is empty: "
                f"{few if self.patients < needed else none}; make one with a larger --alpha or more patients"
            )
        return found

    def describe(self, *, whole: bool = False) -> dict:
        """Return what predictions.json says of it; `whole` all that guarantee.json does, without its patients."""
        about = {"alpha": self.alpha, "patients": self.patients}
        return about | {"regions": {name: dict(one) for name, one in self.regions.items()}} if whole else about


def read_promise(path: Path, digest: str, config: Config) -> Promise:
    """Return what a guarantee.json promises.

    Raises:
        UserError: it is damaged, or of another network or of other regions.
    """
    return promise_of(read_json(path, Guarantee), digest, config, where=path)


def promise_of(found: Mapping, digest: str, config: Config, *, where: Path | str) -> Promise:
    """Return what the content of a guarantee.json promises.

    Args:
        digest: sha256 of the network that it has to be of.

    Raises:
        UserError: it is of another network or of other regions.
    """
    require_network(found, digest, where=where, again="guarantee")
    if lacking := [region for region in config.data.regions if region not in found["regions"]]:
        raise UserError(
            f"{where} is of another run: it promises nothing of {', '.join(lacking)}, found "
            f"{', '.join(found['regions'])}; {Guarantee.remedy}"
        )
    return Promise(found["alpha"], found["patients"], found["regions"])
