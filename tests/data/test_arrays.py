"""Prepared arrays: what was damaged is made again, in both product lines; a touched file is not a changed one."""

import os
import shutil

import nibabel
import numpy as np
import pytest

from segan_tl.config.data import DataConfig
from segan_tl.config.load import load_config
from segan_tl.data.arrays import name_hash, read_arrays, write_arrays
from segan_tl.data.cache import prepare_cases
from segan_tl.data.files.images import Source
from segan_tl.data.find.cases import find_cases
from segan_tl.errors import CannotWrite


@pytest.fixture
def cohort(tiny_cohort, tmp_path):
    for folder in sorted(path for path in tiny_cohort.iterdir() if path.is_dir())[:2]:
        shutil.copytree(folder, tmp_path / "data" / folder.name)
    return find_cases(tmp_path / "data")


@pytest.fixture(params=["slices", "volumes"])
def prepare(request, cohort, tiny_config, tmp_path):
    """Return a function that prepares the cohort, and the name of the file that it damages."""
    cases, folder = cohort.cases, tmp_path / "cache"
    if request.param == "slices":
        config = load_config(tiny_config, ["data.modalities=['flair']"]).data
        return lambda: prepare_cases(cases, folder, config=config), "image-*.npy"
    config = DataConfig(modalities=("flair",), regions=("wt",))
    return lambda: prepare_cases(cases, folder, config=config), "image-*.npy"


def zero(path):
    array = np.load(path)
    array[array.shape[0] // 2] = 0
    np.save(path, array)


def flip_one_bit(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def make_nan(path):
    array = np.load(path)
    array[0] = np.nan
    np.save(path, array)


def damage_header(path):
    content = bytearray(path.read_bytes())
    content[:20] = b"\x93NUMPY\x01\x00v\x00{'descr'"
    path.write_bytes(content)


def change_source(path):
    content = path.read_bytes()
    path.write_bytes(content.replace(content[-80:-70], b"0123456789"))


DAMAGES = {
    "truncated": lambda path: path.write_bytes(path.read_bytes()[:700]),
    "one byte short": lambda path: path.write_bytes(path.read_bytes()[:-1]),
    "empty": lambda path: path.write_bytes(b""),
    "header": damage_header,
    "zeroed": zero,
    "not a number": make_nan,
    "one bit": flip_one_bit,
    "digest of the source": change_source,
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_what_is_damaged_is_made_again(prepare, damage, tmp_path):
    prepare, pattern = prepare
    sound, _ = prepare()
    file = next((tmp_path / "cache" / sound[0].id).glob(pattern))
    content = file.read_bytes()
    damage(file)
    found, problems = prepare()
    assert not problems and [case.made_again for case in found] == [True, False]
    assert file.read_bytes() == content
    assert not any(case.made_again for case in prepare()[0])


def test_a_file_that_is_missing_was_not_damaged(prepare, tmp_path):
    prepare, pattern = prepare
    sound, _ = prepare()
    next((tmp_path / "cache" / sound[0].id).glob(pattern)).unlink()
    assert not any(case.made_again for case in prepare()[0])


def test_touched_and_copied_files_are_the_same_and_changed_voxels_are_not(prepare, cohort, tmp_path):
    prepare, _ = prepare
    before = [case.sources for case in prepare()[0]]
    first, second = (case.images["flair"].path for case in cohort.cases)
    os.utime(first)
    shutil.copyfile(second, tmp_path / "copy")
    shutil.copyfile(tmp_path / "copy", second)
    assert [case.sources for case in prepare()[0]] == before
    shutil.copyfile(first, second)
    mask = cohort.cases[1].mask.path
    changed = prepare()[0]
    assert changed[0].sources == before[0]
    assert changed[1].sources["labels"] == before[1]["labels"]
    assert {name for name in before[1] if changed[1].sources[name] != before[1][name]} <= {"flair", "image"}
    assert changed[1].sources != before[1]
    shutil.copyfile(cohort.cases[0].mask.path, mask)
    assert prepare()[0][1].sources["labels"] != before[1]["labels"]


def test_the_voxels_of_a_pair_belong_to_its_name(tmp_path):
    for kind, name in ((nibabel.Nifti1Pair, "a.img"), (nibabel.Nifti1Image, "b.nii")):
        nibabel.save(kind(np.ones((4, 4, 4), np.int16), np.eye(4)), tmp_path / name)
    sources = [Source(tmp_path / "a.hdr")], [Source(tmp_path / "b.nii")]
    before = [name_hash("x", sources=source) for source in sources]
    os.utime(tmp_path / "a.img", (1, 1))
    after = [name_hash("x", sources=source) for source in sources]
    assert after[0] != before[0] and after[1] == before[1]


def test_a_file_is_known_by_what_it_holds_wherever_it_lies(tmp_path):
    content = bytes(range(256)) * 400
    for place in ("a", "b"):
        (tmp_path / place).mkdir()
        (tmp_path / place / "t1.nii").write_bytes(content)
        os.utime(tmp_path / place / "t1.nii", (1000, 1000))

    def name_of(place):
        return name_hash("x", sources=[Source(tmp_path / place / "t1.nii")])

    assert name_of("a") == name_of("b")
    os.utime(tmp_path / "b" / "t1.nii", ns=(1, 1000_900_000_000))  # fractions of a second do not count
    assert name_of("a") == name_of("b")
    # The first and the last byte, and one of the middle: 102400 bytes, of which seven pieces of 4096 begin every 14043
    # bytes, the eighth at 98301.
    for byte in (0, 14043 * 3 + 5, len(content) - 1):
        (tmp_path / "b" / "t1.nii").write_bytes(content[:byte] + bytes([content[byte] ^ 1]) + content[byte + 1 :])
        os.utime(tmp_path / "b" / "t1.nii", (1000, 1000))
        assert name_of("a") != name_of("b")
    (tmp_path / "b" / "t1.nii").write_bytes(content)
    os.utime(tmp_path / "b" / "t1.nii", (1001, 1001))
    assert name_of("a") != name_of("b")


@pytest.mark.parametrize("size", [0, 1, 4096, 4097, 4103, 8191])
def test_small_files_have_a_name(size, tmp_path):
    (tmp_path / "t1.nii").write_bytes(b"a" * size)
    assert len(name_hash("x", sources=[Source(tmp_path / "t1.nii")])) == 20


def test_empty_arrays_are_arrays(tmp_path):
    paths = {"positions": tmp_path / "positions.npy"}
    write_arrays(paths, {"positions": (np.zeros((0, 4), np.int16), "0" * 64)})
    assert read_arrays(paths).maps["positions"].shape == (0, 4)


def test_a_full_disk_is_one_sentence(cohort, tiny_config, small_disk):
    config, disk = load_config(tiny_config, ["data.modalities=['flair']"]).data, small_disk(60)
    with pytest.raises(CannotWrite, match="the disk is full"):
        prepare_cases(cohort.cases, disk / "cache", config=config)
    assert not list(disk.rglob(".segan_tl-*"))
