"""Who trains together: a process on each machine, by TF_CONFIG or by what Slurm tells a process."""

from collections.abc import Mapping
from dataclasses import dataclass

from segan_tl.errors import UserError
from segan_tl.schemas.machines import LARGEST_PORT, TfConfig, port_of
from segan_tl.schemas.reading import parse_json
from segan_tl.train.machines.slurm import read_slurm

KINDS = ("slurm", "tf_config")


@dataclass(frozen=True)
class Roster:
    """The workers of one training, processes with the same command.

    Attributes:
        addresses: host:port of each, where its TensorFlow listens; the first one is the chief, who writes.
        index: which of them this process is.
    """

    addresses: tuple[str, ...]
    index: int

    @property
    def count(self) -> int:
        """Return how many there are."""
        return len(self.addresses)

    @property
    def is_chief(self) -> bool:
        """Return whether this process is the one that writes."""
        return self.index == 0

    @property
    def meeting(self) -> tuple[str, int]:
        """Return host and port where the workers meet: on the chief's host, one above the highest of all ports."""
        host = self.addresses[0].rpartition(":")[0].strip("[]")
        return host, max(map(port_of, self.addresses)) + 1

    def name(self, index: int) -> str:
        """Return how a worker is called in a sentence."""
        return f"worker {index} ({self.addresses[index]})"


def read_roster(kind: str, environment: Mapping[str, str]) -> Roster:
    """Return who trains together.

    Args:
        kind: "slurm" or "tf_config".
        environment: name → value, of this process as it was started.

    Raises:
        UserError: it does not tell.
    """
    if kind == "slurm":
        return _checked(Roster(*read_slurm(environment)))
    if not environment.get("TF_CONFIG", "").strip():
        raise UserError(f"--distributed tf_config: expected the variable TF_CONFIG; found none; {TfConfig.remedy}")
    content = parse_json(environment["TF_CONFIG"].encode("utf-8", "replace"), TfConfig, where="TF_CONFIG")
    stated = TfConfig.model_validate(content)
    return _checked(Roster(tuple(stated.addresses), stated.place))


def _checked(roster: Roster) -> Roster:
    host, port = roster.meeting
    if port > LARGEST_PORT:
        raise UserError(
            f"expected ports below {LARGEST_PORT}: the workers meet on {host} at the port above the highest; found "
            f"{port - 1}; choose lower ones"
        )
    return roster
