"""TF_CONFIG: what an environment says of the machines that train together."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from segan_tl.schemas.reading import Count, Schema

# A host by its name, its number, or its number of IPv6 in brackets; the port that TensorFlow listens on.
Address = Annotated[str, Field(pattern=r"^([A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\]):[0-9]{1,5}$")]
LARGEST_PORT = 65_535
TYPES = ("chief", "worker")


class Task(Schema):
    """Which of them a process is."""

    type: Literal[TYPES]
    index: Count


class TfConfig(Schema):
    """What TensorFlow's own programs read, too; parameter servers and evaluators take no part here."""

    remedy: ClassVar[str] = (
        """set it to, say, '{"cluster": {"worker": ["node1:12345", "node2:12345"]}, """
        """"task": {"type": "worker", "index": 0}}', with another index for every process"""
    )
    cluster: dict[Literal[TYPES], Annotated[list[Address], Field(min_length=1)]]
    task: Task

    @model_validator(mode="after")
    def _task_is_one_of_them(self):
        addresses = self.addresses
        if twice := next((each for each in addresses if addresses.count(each) > 1), None):
            raise ValueError(f"cluster: expected every address once, {twice} stands there twice")
        if wrong := next((each for each in addresses if not 0 < port_of(each) <= LARGEST_PORT), None):
            raise ValueError(f"cluster: expected ports from 1 to {LARGEST_PORT}, found {wrong}")
        there = len(self.cluster.get(self.task.type, ()))
        if self.task.index >= there:
            raise ValueError(f"task: expected one of {there} of type {self.task.type}, found index {self.task.index}")
        return self

    @property
    def addresses(self) -> list[str]:
        """Return those of all, the chief's first."""
        return [address for name in TYPES for address in self.cluster.get(name, ())]

    @property
    def place(self) -> int:
        """Return where among the addresses this process stands."""
        return self.task.index + (len(self.cluster.get("chief", ())) if self.task.type == "worker" else 0)


def port_of(address: str) -> int:
    """Return the port of host:port."""
    return int(address.rpartition(":")[2])
