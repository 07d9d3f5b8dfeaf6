"""series.json: what a SEG needs of its source is kept, and makes the same file again."""

import numpy as np
import pytest

pydicom = pytest.importorskip("pydicom", reason="the extra clinical is not installed")
pytest.importorskip("highdicom", reason="the extra clinical is not installed")

from segan_tl.clinical.dicom.reference import read_reference, reference_of, write_references  # noqa: E402
from segan_tl.clinical.dicom.segmentation import masks_of_labels, write_segmentation  # noqa: E402
from segan_tl.errors import UserError  # noqa: E402
from tests.small_dicom import labels_of, oblique, study  # noqa: E402


def test_the_reference_that_was_kept_makes_the_same_file(tmp_path):
    series, volume = study(tmp_path / "in", oblique())
    write_references(tmp_path, {"P7": {"flair": reference_of(series)}})
    write_references(tmp_path, {"P8": {"t1": reference_of(series)}})
    kept = read_reference(tmp_path, "P7", "flair")
    assert kept == reference_of(series) and read_reference(tmp_path / "series.json", "P8", "t1") == kept
    masks = masks_of_labels(labels_of(volume))
    files = [
        write_segmentation(tmp_path / f"{place}.dcm", masks, volume.geometry, one, case="P7")
        for place, one in enumerate((reference_of(series), kept))
    ]
    first, second = map(pydicom.dcmread, files)
    assert first.SOPInstanceUID == second.SOPInstanceUID  # the same content, the same identifier
    np.testing.assert_array_equal(first.pixel_array, second.pixel_array)


def test_what_series_json_lacks_is_one_sentence(tmp_path):
    with pytest.raises(UserError, match=r"series.json is missing; make it again with python -m segan_tl dicom"):
        read_reference(tmp_path, "P7", "flair")
    series, _ = study(tmp_path / "in")
    write_references(tmp_path, {"P7": {"flair": reference_of(series)}})
    with pytest.raises(UserError, match="expected t2 of P7 in .* found flair; name one that is there"):
        read_reference(tmp_path, "P7", "t2")
    with pytest.raises(UserError, match="expected t2 of P9 in .* found P7"):
        read_reference(tmp_path, "P9", "t2")
    path = tmp_path / "series.json"
    path.write_text(path.read_text().replace('"rows": 10', '"rows": "ten"'))
    with pytest.raises(UserError, match="series.json is damaged: cases.P7.flair.rows = 'ten': expected a whole number"):
        read_reference(tmp_path, "P7", "flair")
