"""The zip of a portable artefact: its parts stored as they are, each held against its sha256 before it is read.

The same parts give the same bytes: in the order of their names, uncompressed, all of one date. As nothing is
compressed, nothing can be larger than the file itself.
"""

import hashlib
import json
import zipfile
from collections.abc import Mapping
from pathlib import Path

from segan_tl.disk.atomic import atomic_path
from segan_tl.disk.reading import require_file
from segan_tl.errors import UserError
from segan_tl.schemas.portable import PortableManifest
from segan_tl.schemas.reading import LARGEST_BYTES, parse_json

FORMAT = 1
SUFFIX = ".zip"
MANIFEST, NETWORK, ABOUT, CONFIG = "MANIFEST.json", "network.onnx", "artefact.json", "config.json"
LABELS, COHORT, POSTPROCESS, CARD = "labels.json", "cohort_fingerprint.json", "postprocess.json", "README.md"
CALIBRATION, GUARANTEE = "calibration.json", "guarantee.json"
NEEDED = (NETWORK, ABOUT, CONFIG)
MOST_PARTS = 100
FIRST_DATE = (1980, 1, 1, 0, 0, 0)  # of a zip
READABLE = 0o644 << 16  # permissions of a file that is unpacked
DAMAGE = (zipfile.BadZipFile, zipfile.LargeZipFile, EOFError, NotImplementedError, RuntimeError, ValueError, OSError)
HOW = "give a file that python -m segan_tl export RUN OUT.zip --portable wrote"


def write_archive(path: Path, parts: Mapping[str, bytes]) -> str:
    """Write the parts and their manifest atomically; return the sha256 of the whole file.

    Args:
        parts: name → content.
    """
    files = {name: {"bytes": len(content), "sha256": _digest(content)} for name, content in sorted(parts.items())}
    whole = {**parts, MANIFEST: to_json({"format": FORMAT, "files": files})}
    with atomic_path(path) as temporary:
        with zipfile.ZipFile(temporary, "w", zipfile.ZIP_STORED) as archive:
            for name in sorted(whole):
                member = zipfile.ZipInfo(name, FIRST_DATE)
                member.create_system, member.external_attr = 3, READABLE  # as on Unix, wherever it is written
                archive.writestr(member, whole[name])
        return _digest(temporary.read_bytes())


def read_archive(path: Path) -> tuple[dict[str, bytes], dict[str, str]]:
    """Return the parts of an artefact, found sound, and their sha256.

    Raises:
        UserError: no such file, no artefact of ours, damaged, or changed after it was written.
    """
    try:
        with zipfile.ZipFile(require_file(path)) as archive:
            members = {member.filename: member for member in archive.infolist()}
            _check_members(path, archive.infolist())
            text = archive.read(members[MANIFEST])
            files = parse_json(text, PortableManifest, where=f"{path}: {MANIFEST}")["files"]
            if strange := sorted({*members} ^ {*files, MANIFEST}):
                raise UserError(f"{path}: {ascii(strange[0])} is in the zip or in its {MANIFEST}, not in both; {HOW}")
            parts = {name: archive.read(members[name]) for name in files}
    except UserError:
        raise
    except DAMAGE as error:
        reason = str(error) or type(error).__name__
        raise UserError(f"{path} is no readable zip ({reason}), cut off or damaged; fetch it again, or {HOW}") from None
    for name, content in parts.items():
        if len(content) != files[name]["bytes"] or _digest(content) != files[name]["sha256"]:
            raise UserError(
                f"{path}: {ascii(name)[1:-1]} is not what was exported (size or sha256 differ from {MANIFEST}); it is "
                f"damaged or was changed: fetch it again, or {HOW}"
            )
    return parts, {name: file["sha256"] for name, file in files.items()}


def to_json(value: dict) -> bytes:
    """Return a JSON text whose bytes depend on the value alone."""
    return (json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False) + "\n").encode()


def _check_members(path: Path, members: list[zipfile.ZipInfo]) -> None:
    """Refuse a zip that `write_archive` has not written, by its table of contents alone."""
    names = [member.filename for member in members]
    if missing := [name for name in (MANIFEST, *NEEDED) if name not in names]:
        raise UserError(f"{path} is no artefact of segan_tl (it holds no {missing[0]}); {HOW}")
    if len(names) > MOST_PARTS or len(set(names)) < len(names):
        raise UserError(f"{path} holds {len(names)} parts, some of one name or too many; do not trust this file; {HOW}")
    for member in members:
        stored = member.compress_type == zipfile.ZIP_STORED and member.file_size == member.compress_size
        if not stored or member.flag_bits & 1 or member.filename != NETWORK and member.file_size > LARGEST_BYTES:
            raise UserError(
                f"{path}: {ascii(member.filename)[1:-1]} is compressed, encrypted or too large, as no part of an "
                f"artefact is; do not trust this file; {HOW}"
            )


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
