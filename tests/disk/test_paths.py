"""Names that become paths: what is refused, what goes on working."""

import pytest

from segan_tl.disk.paths import LONGEST_BYTES, fault_of_name, folder_name, run_folder, safe_name
from segan_tl.errors import UserError, nearest

HOSTILE = {
    "": "it is empty",
    ".": "it begins with '.'",
    "..": "it begins with '.'",
    "../victim": "it begins with '.'",
    "/etc": "it holds '/'",
    "a/b": "it holds '/'",
    "a/../../b": "it holds '/'",
    "a\\b": "it holds '\\\\'",
    ".hidden": "it begins with '.'",
    "-rf": "it begins with '-'",
    "a\nb": "it holds '\\n'",
    "a\0b": "it holds '\\x00'",
    "a\x1b[31mb": "it holds '\\x1b'",
    "a\u2028b": "it holds '\\u2028'",
    "a\udcffb": "it holds '\\udcff'",
    "con": "it is the name of a device",
    "NUL.nii": "it is the name of a device",
    "a" * (LONGEST_BYTES + 1): "it is longer than 200 bytes",
    "ä" * 101: "it is longer than 200 bytes",
}
ODD = ("flair", "t1+t2", "case 1 (left)", "[b]x", "Müller_Öst", "患者1", "a..b", "a-b.c", "~x", "$HOME", "ä" * 100)


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_is_refused_with_its_reason(name):
    assert fault_of_name(name) == HOSTILE[name]
    with pytest.raises(UserError, match=r"^the case '.* cannot name a file or folder \(.*\); rename it$") as refused:
        safe_name(name, "the case")
    assert "\n" not in str(refused.value) and len(str(refused.value)) < 400


@pytest.mark.parametrize("name", ODD)
def test_an_odd_name_is_as_it_was(name, tmp_path):
    assert safe_name(name, "the case") == name
    (tmp_path / f".segan_tl-01234567-4194304-4194304.{name}_probability.nii.gz").touch()


def test_a_run_lies_below_the_folder_of_runs(tmp_path):
    assert run_folder(tmp_path, "unet3d", "BraTS 2021-to-MS", "fold3") == tmp_path / "unet3d/BraTS 2021-to-MS/fold3"
    for names in ((str(tmp_path), "flair"), ("segan", "../../x"), ("segan", f"{tmp_path}/x-to-t2")):
        with pytest.raises(UserError, match="cannot name a file or folder"):
            run_folder(tmp_path, *names)


def test_a_run_is_not_named_after_a_folder_without_a_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert folder_name(tmp_path / ".." / tmp_path.name, "the folder of --data") == tmp_path.name
    with pytest.raises(UserError, match=r"the folder of --data '' cannot name .*it is empty"):
        folder_name(tmp_path / "/", "the folder of --data")


def test_the_nearest_name():
    known = ("segan/flair", "segan/t2", "nnunet_small/Glioma-3t")
    assert nearest("segan/fliar", known) == "segan/flair"
    assert nearest("NNUNET_SMALL/glioma-3T", known) == "nnunet_small/Glioma-3t"
    assert nearest("mednext", known) is None and nearest("x", ()) is None
    assert nearest("mednext", known, cutoff=0.0) in known
