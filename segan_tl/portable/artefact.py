"""A portable artefact that is opened: what it says of its run, of preparation and post-processing, and its network."""

from dataclasses import dataclass
from pathlib import Path

from segan_tl.config.load import validate
from segan_tl.config.schema import Config
from segan_tl.portable import archive
from segan_tl.schemas.portable import About, PortableSchema
from segan_tl.schemas.postprocess import Postprocess
from segan_tl.schemas.reading import Schema, parse_json
from segan_tl.schemas.run_config import RunConfig
from segan_tl.schemas.runs import CohortFingerprint
from segan_tl.schemas.trust import Calibration, Guarantee


@dataclass(frozen=True)
class Artefact:
    """What a zip holds.

    Attributes:
        path: of the zip.
        about: its artefact.json: name, regions, Dice, what the network has to be told.
        config: how images are prepared and segmented.
        cohort: what the training cases looked like, None where the run did not keep it.
        postprocess: thresholds that were exported with it, None where there are none.
        calibration, guarantee: what the run had of these, without names of patients; None where it had none.
        graph: the network, ONNX.
        sha256: of the graph.
    """

    path: Path
    about: dict
    config: Config
    cohort: dict | None
    postprocess: dict | None
    calibration: dict | None
    guarantee: dict | None
    graph: bytes
    sha256: str


class PortableConfig(RunConfig):
    """config.json of an artefact."""

    remedy = PortableSchema.remedy


class PortableCohort(CohortFingerprint):
    """cohort_fingerprint.json of an artefact."""

    remedy = PortableSchema.remedy


class PortableCalibration(Calibration):
    """calibration.json of an artefact."""

    remedy = PortableSchema.remedy


class PortableGuarantee(Guarantee):
    """guarantee.json of an artefact."""

    remedy = PortableSchema.remedy


def is_artefact(word: Path | str) -> bool:
    """Return whether a word for a run means the file of an artefact."""
    return str(word).endswith(archive.SUFFIX)


def open_artefact(path: Path) -> Artefact:
    """Open the zip of an artefact; every part is held against its sha256 before anything parses it.

    Raises:
        UserError: there is none, it is none, it is damaged or was changed.
    """
    parts, digests = archive.read_archive(path)

    def read(name: str, schema: type[Schema]) -> dict | None:
        return parse_json(parts[name], schema, where=f"{path}: {name}") if name in parts else None

    return Artefact(
        path=path,
        about=read(archive.ABOUT, About),
        config=validate(read(archive.CONFIG, PortableConfig), source=f"{path}: {archive.CONFIG}"),
        cohort=read(archive.COHORT, PortableCohort),
        postprocess=read(archive.POSTPROCESS, Postprocess),
        calibration=read(archive.CALIBRATION, PortableCalibration),
        guarantee=read(archive.GUARANTEE, PortableGuarantee),
        graph=parts[archive.NETWORK],
        sha256=digests[archive.NETWORK],
    )
