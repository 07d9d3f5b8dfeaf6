"""The gate before every use of a .keras file: the archive is checked as data, before Keras or HDF5 parse any of it.

A .keras file is a zip archive of two or three short JSON texts and one HDF5 file of weights, stored uncompressed.
"""

import re
import zipfile
import zlib
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

from segan_tl.disk.reading import require_file
from segan_tl.errors import UserError
from segan_tl.schemas.provenance import Member, Provenance
from segan_tl.schemas.reading import Schema, parse_json

CONFIG, METADATA, WEIGHTS, PROVENANCE = "config.json", "metadata.json", "model.weights.h5", "segan_tl.json"
TEXTS = {CONFIG: Member, METADATA: Member, PROVENANCE: Provenance}
LARGEST_BYTES = {CONFIG: 10_000_000, METADATA: 1_000_000, PROVENANCE: 1_000_000, WEIGHTS: 8_000_000_000}
LARGEST_OTHER_BYTES = 10_000_000
MOST_MEMBERS = 1000
LARGEST_RATIO = 100
# Keras compresses nothing; an archive packed anew may be somewhat smaller than what it holds.
LARGEST_EXPANSION, SPARE_BYTES = 4, 50_000_000
ENCRYPTED = 1  # bit of a member's flags
DAMAGE = (zipfile.BadZipFile, zipfile.LargeZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError,
          ValueError, LookupError, OverflowError, OSError)  # fmt: skip
KERAS_2 = re.compile(r"(tf_)?keras\.(src\.)?engine\.")
HDF5_START = b"\x89HDF\r\n"


class Archive(NamedTuple):
    """What a .keras file says of itself."""

    config: dict
    metadata: dict
    provenance: dict

    @property
    def keras_version(self) -> str:
        """Return the version of Keras that saved it, "unknown" where it does not tell."""
        said = str(self.metadata.get("keras_version", ""))
        return said if re.fullmatch(r"\d{1,4}(\.\w{1,20}){1,5}", said) else "unknown"

    @property
    def is_newer(self) -> bool:
        """Return whether it was saved by a later Keras than is installed."""
        return _release(self.keras_version) > _release(version("keras"))


def read_archive(path: Path) -> Archive:
    """Check a .keras file and read its texts; nothing of it is executed and Keras is not imported.

    Raises:
        UserError: no such file, no .keras archive, implausible sizes, or the file of another major version of Keras.
    """
    try:
        with zipfile.ZipFile(require_file(path)) as archive:
            _check_members(path, archive)
            if (damaged := archive.testzip()) is not None:
                raise zipfile.BadZipFile(f"bad CRC-32 for {damaged}")
            found = Archive(*(_read_json(path, archive, name, schema) for name, schema in TEXTS.items()))
    except DAMAGE as error:
        raise UserError(f"{path} {_describe(path, error)}") from None
    if found.keras_version[:2] in ("1.", "2.") or KERAS_2.match(str(found.config.get("module"))):
        raise UserError(
            f"{path} was saved by Keras {found.keras_version}, a version that Keras {version('keras')} cannot read: "
            "open it with Keras 2 (the package tf_keras) and carry its weights over to a network that Keras 3 saves"
        )
    return found


def _check_members(path: Path, archive: zipfile.ZipFile) -> None:
    """Refuse an archive that Keras has not written, by its table of contents alone."""
    members = archive.infolist()
    if len(members) > MOST_MEMBERS:
        raise UserError(f"{path} holds {len(members)} members, a .keras file a handful; do not trust this file")
    names = [member.filename for member in members]
    for name in (CONFIG, WEIGHTS):
        if name not in names:
            raise UserError(f"{path} holds no {name}; expected a .keras file that Keras 3 saved; give one")
    if len(set(names)) < len(names):
        raise UserError(f"{path} holds two members of one name; do not trust this file")
    for member in members:
        if reason := _implausible(member):
            raise UserError(f"{path}: {ascii(member.filename)[1:-1]} {reason}; do not trust this file")
    size_bytes = path.stat().st_size
    if sum(member.compress_size for member in members) > size_bytes:
        raise UserError(f"{path}: its members lie over one another; do not trust this file")
    unpacked_bytes = sum(member.file_size for member in members)
    if unpacked_bytes > LARGEST_EXPANSION * size_bytes + SPARE_BYTES:
        raise UserError(f"{path} is implausibly large unpacked ({unpacked_bytes} bytes); do not trust this file")


def _implausible(member: zipfile.ZipInfo) -> str | None:
    """Say what is wrong with a member, None for a sound one."""
    parts = member.filename.replace("\\", "/").split("/")
    if parts[0] == "" or ".." in parts or ":" in parts[0] or member.filename != member.orig_filename:
        return "would lie outside of the archive"
    if member.flag_bits & ENCRYPTED:
        return "is encrypted, which Keras never does"
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        return "is compressed in a way that Keras never uses"
    largest = LARGEST_BYTES.get(member.filename, LARGEST_OTHER_BYTES)
    if member.file_size > min(largest, LARGEST_RATIO * max(member.compress_size, 1000)):
        return f"is implausibly large ({member.file_size} bytes)"
    return None


def _read_json(path: Path, archive: zipfile.ZipFile, name: str, schema: type[Schema]) -> dict:
    """Return the JSON object of a member, {} where there is none."""
    if name not in archive.namelist():
        return {}
    with archive.open(name) as member:
        text = member.read(LARGEST_BYTES[name] + 1)
    return parse_json(text, schema, where=f"{path}: {name}")


def _describe(path: Path, error: Exception) -> str:
    """Say what a file is that is no archive, and what to give instead."""
    with path.open("rb") as file:
        if file.read(len(HDF5_START)) == HDF5_START:
            return "is HDF5, as .h5 and .weights.h5 are; open it in Keras, and save the whole model as .keras"
    reason = str(error) or type(error).__name__
    return f"is not a readable .keras file ({reason}); give a file that Keras 3 saved"


def _release(said: str) -> tuple[int, ...]:
    """Return the numbers that a version begins with."""
    return tuple(int(number) for number in re.findall(r"\d+", said)[:2])


def require_network(path: Path, *, option: str) -> None:
    """Refuse a path that is no .keras file; nothing of it is loaded.

    Raises:
        UserError: there is none, it has another ending, or it is no such archive.
    """
    if not path.is_file():
        raise UserError(f"{option}: there is no {path}; give a .keras file that model.save of Keras 3 wrote")
    if path.suffix != ".keras":
        raise UserError(f"{option}: {path} is no .keras file; save the network with model.save('network.keras')")
    read_archive(path)
