import pytest

from segan_tl.data.files.formats import (
    SUFFIXES,
    UNREAD_SUFFIXES,
    header_of,
    is_dicom,
    suffix_of,
    unread_remedy,
    voxels_of,
)


@pytest.mark.parametrize(
    "name, suffix",
    [("a.nii.gz", ".nii.gz"), ("A.NII", ".nii"), ("a.b.nii.gz.gz", ".nii.gz.gz"), ("a.IMA", ".ima"),
     ("a.raw.gz", ".raw.gz"), ("a.gz", None), ("a.txt", None), ("nii", None)],
)  # fmt: skip
def test_the_longest_suffix_counts(name, suffix):
    assert suffix_of(name) == suffix


def test_what_is_read_has_no_remedy_and_the_rest_has_one(tmp_path):
    assert not set(SUFFIXES) & set(UNREAD_SUFFIXES)
    assert all(unread_remedy(tmp_path / f"a{suffix}") is None for suffix in (*SUFFIXES, ".txt"))
    assert all(unread_remedy(tmp_path / f"a{suffix}") for suffix in UNREAD_SUFFIXES)
    assert "segan_tl dicom" in unread_remedy(tmp_path / "a.dcm")


def test_voxels_belong_to_the_header_beside_them(tmp_path):
    assert header_of(tmp_path / "a.img") is None
    assert ".hdr" in unread_remedy(tmp_path / "a.img")
    (tmp_path / "a.hdr").touch()
    assert header_of(tmp_path / "a.img") == header_of(tmp_path / "a.img.gz") == tmp_path / "a.hdr"
    assert unread_remedy(tmp_path / "a.img") is None
    assert header_of(tmp_path / "a.hdr") is None and voxels_of(tmp_path / "a.hdr") == []
    (tmp_path / "a.IMG").touch()
    assert voxels_of(tmp_path / "a.hdr") == [tmp_path / "a.IMG"] and voxels_of(tmp_path / "a.nii") == []


def test_dicom_is_known_by_its_content(tmp_path):
    (tmp_path / "IM0001").write_bytes(bytes(128) + b"DICM")
    (tmp_path / "IM0002").write_bytes(bytes(132))
    assert is_dicom(tmp_path / "IM0001")
    assert not any(is_dicom(tmp_path / name) for name in ("IM0002", "absent", "."))
