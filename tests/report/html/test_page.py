"""report.html as a file: what stands in it, what it refuses, and that no name can become markup."""

import base64
import gzip
import json
import re
import shutil
from html import escape, unescape
from html.parser import HTMLParser

import nibabel
import numpy as np
import pytest

from segan_tl.__main__ import main
from segan_tl.disk.atomic import write_json
from segan_tl.errors import UserError
from segan_tl.report.html.cases import Plan, make_plan, rank_cases
from segan_tl.report.html.charts import box_chart, line_chart, ticks
from segan_tl.report.html.page import write_report
from segan_tl.report.html.pictures import COLOURS, paint
from segan_tl.report.html.tables import show
from segan_tl.report.html.viewer import safe_json
from segan_tl.report.record import open_finished
from tests.report.pages import CASES, change_state, write_cohort, write_run
from tests.small_reviews import write_review
from tests.small_runs import small_labels

HOSTILE = '<img src=x onerror=alert(1)>"&\'</script>'


class Reader(HTMLParser):
    """Collects the elements of a page, and what their attributes say."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.attributes, self.words = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        """Take note of an element."""
        self.tags.append(tag)
        self.attributes += attributes

    def handle_data(self, data):
        """Take note of text."""
        self.words.append(data)


@pytest.fixture
def cohort(tmp_path):
    return write_cohort(tmp_path / "cohort")


@pytest.fixture
def run(tmp_path, cohort):
    return write_run(tmp_path / "runs" / "small" / "flair", cohort)


def page_of(*runs, out, **options):
    remarks = write_report(runs, out, **options)
    return out.read_text(), remarks


def viewer_json(page):
    found = re.search(r'<script type="application/json" id="viewer-data">(.*?)</script>', page, re.S)
    return json.loads(found.group(1))


def volume(code):
    image = nibabel.Nifti1Image.from_bytes(gzip.decompress(base64.b64decode(code)))
    return np.asarray(image.dataobj), image.affine


def test_summary_says_what_was_trained_and_how_good(run, tmp_path):
    page, _ = page_of(run, out=tmp_path / "report.html")
    text = unescape(re.sub(r"<[^>]+>", " ", re.sub(r"<script.*?</script>", "", page, flags=re.S)))
    for words in (
        "SYNTHETIC DATA", "For research only: not a medical device", "FLAIR → WT", "2 train, 1 validation, 4 test",
        "seed", "7", "segan_tl 0.1.0, keras 3.15.1", "abc123", "python train_segan.py --modality flair",
        "best validation Dice 0.600 in epoch 3", "4 epochs in 6 s",
    ):  # fmt: skip
        assert words in text, words
    dice = [float(row["dice"]) for row in open_finished(run).rows]
    assert f"<b>{np.mean(dice):.3f}</b>" in page
    assert all(case in text for case in CASES)


def test_nothing_is_loaded_from_elsewhere(run, tmp_path):
    page, _ = page_of(run, out=tmp_path / "report.html")
    assert "default-src 'none'" in page
    addresses = [value for name, value in Reader(page).attributes if name in ("src", "href") and value]
    assert addresses and all(value.startswith("data:image/png") for value in addresses)
    assert page.count("<script>") == 2 and page.count("sha256-") == 3  # the third is NiiVue's, packed


def test_volumes_are_those_of_the_case(run, tmp_path, cohort):
    data = viewer_json(page_of(run, out=tmp_path / "report.html")[0])
    case = next(one for one in data["cases"] if one["id"] == CASES[3])
    assert list(case["images"])[0] == "flair" and set(case["images"]) == {"flair", "t2", "t1c", "t1"}
    truth, affine = volume(case["truth"])
    labels = small_labels(6)
    assert truth.sum() == (labels > 0).sum() and set(np.unique(truth)) == {0, 1}
    # the corner of the box lies where it lay: the first marked voxel has the same place in mm
    file = nibabel.load(cohort / CASES[3] / f"{CASES[3]}_seg.nii.gz")
    first, whole = np.argwhere(truth)[0], np.argwhere(labels > 0)[0]
    np.testing.assert_allclose(affine @ [*first, 1], file.affine @ [*whole, 1])
    prediction, _ = volume(case["predictions"][0])
    both = 2 * ((truth > 0) & (prediction > 0)).sum() / ((truth > 0).sum() + (prediction > 0).sum())
    assert both == pytest.approx(case["dice"][0][0])


def test_two_runs_are_compared_and_share_a_viewer(run, tmp_path, cohort):
    other = write_run(tmp_path / "runs" / "small" / "t2", cohort, shift=2, modalities=("t2",))
    page, _ = page_of(run, other, out=tmp_path / "comparison.html")
    assert "small/t2 − small/flair" in page and "Paired differences" in page
    assert [len(case["predictions"]) for case in viewer_json(page)["cases"]] == [2] * 4
    assert page.count("<canvas") == 2
    difference = np.mean([float(b["dice"]) - float(a["dice"]) for a, b in
                          zip(open_finished(run).rows, open_finished(other).rows)])  # fmt: skip
    assert f"<b>{show(difference, signed=True)}</b>" in page


def test_three_runs_choose_their_prediction(run, tmp_path, cohort):
    runs = [run, *(write_run(tmp_path / "runs" / "small" / name, cohort) for name in ("a", "b"))]
    page, _ = page_of(*runs, out=tmp_path / "c.html")
    assert page.count("<canvas") == 2 and 'id="run1"' in page
    assert "<h1>small/flair, small/a, small/b compared</h1>" in page
    assert "Paired differences, each against small/flair" in page and "<th>p (paired t), Holm</th>" in page
    assert "Chosen by Dice, averaged over the 3 runs." in page
    dice = [show(one.dice_by_region(CASES[3], ["wt"])[0]) for one in map(open_finished, runs)]
    assert f"Dice small/flair {dice[0]}, small/a {dice[1]}, small/b {dice[2]} ·" in page


def test_a_name_cannot_become_markup(tmp_path):
    name = HOSTILE.replace("/", "")
    cohort = write_cohort(tmp_path / "cohort", ("BraTS2021_00001", "BraTS2021_00002"))
    run = write_run(tmp_path / "runs" / name / name, cohort, cases=("BraTS2021_00001", "BraTS2021_00002"))
    run.metrics.write_text(run.metrics.read_text().replace("BraTS2021_00001", '"' + HOSTILE.replace('"', '""') + '"'))
    change_state(run, command=HOSTILE, commit=HOSTILE, versions={HOSTILE: HOSTILE}, transfer={
        "source": HOSTILE, "strategy": HOSTILE, "inputs": {HOSTILE: HOSTILE}})  # fmt: skip
    other = write_run(tmp_path / "runs" / "b" / "t2", cohort, cases=("BraTS2021_00001", "BraTS2021_00002"))
    other.metrics.write_text(run.metrics.read_text())
    plain = Reader(page_of(other, out=tmp_path / "plain.html")[0])
    for runs in ((run,), (run, other), (run, other, write_run(
            tmp_path / "runs" / "c" / HOSTILE.replace("/", "_"), cohort, cases=("BraTS2021_00002",)))):  # fmt: skip
        if len(runs) == 3:
            runs[2].metrics.write_text(run.metrics.read_text())
        page, remarks = page_of(*runs, out=tmp_path / "report.html")
        found = Reader(page)
        assert not any(name.startswith("on") for name, _ in found.attributes)
        assert HOSTILE not in page and escape(HOSTILE) in page and any(HOSTILE in remark for remark in remarks)
        assert all(value.startswith("data:image/png") for name, value in found.attributes if name == "src")
        assert found.tags.count("script") == plain.tags.count("script")


def test_json_cannot_end_its_element():
    assert "<" not in safe_json({"id": HOSTILE}) and json.loads(safe_json({"id": HOSTILE})) == {"id": HOSTILE}


def test_old_and_bare_runs_have_a_page(run, tmp_path):
    rows = run.metrics.read_text().splitlines()
    run.metrics.write_text("\n".join(",".join(row.split(",")[:3]) for row in rows) + "\n")  # case, region, dice
    run.history.unlink()
    change_state(run, versions={}, data={"folder": str(tmp_path / "cohort")}, best_epoch=None)
    page, _ = page_of(run, out=tmp_path / "report.html")
    assert "There is no history.csv" in page and "Dice" in page and "SYNTHETIC" not in page


def test_the_dice_that_a_second_look_expects_stands_beside_the_true_one(run, tmp_path):
    page, _ = page_of(run, out=tmp_path / "report.html")
    assert "predicted Dice" not in page and {*(tuple(c["predicted"]) for c in viewer_json(page)["cases"])} == {(None,)}
    write_json(run.summary, {"segmentor_sha256": "now"})
    write_review(run.review, dict(zip(CASES[:2], (0.61, 0.42))), digest="now")
    page, _ = page_of(run, out=tmp_path / "report.html")
    assert '<button type="button">predicted Dice</button>' in page and "Predicted Dice: the mean" in page
    rows = dict(re.findall(r'data-case="([^"]+)">.*?</td><td data-value="([^"]*)">', page))
    assert rows == {CASES[0]: "0.61", CASES[1]: "0.42", CASES[2]: "", CASES[3]: ""}
    assert {case["id"]: case["predicted"] for case in viewer_json(page)["cases"]} == {
        CASES[0]: [0.61], CASES[1]: [0.42], CASES[2]: [None], CASES[3]: [None]}  # fmt: skip


def test_without_viewer_the_pictures_remain(run, tmp_path):
    page, _ = page_of(run, out=tmp_path / "report.html", viewer=False)
    assert "<canvas" not in page and "niivue" not in page and page.count('class="card"') == 3
    assert len(page) < 300_000


def test_predictions_that_lack_are_told_apart_and_their_truth_is_drawn_alone(run, tmp_path):
    files = [run.predictions / f"{case}.nii.gz" for case in CASES]
    files[0].unlink()
    files[1].write_bytes(files[1].read_bytes()[:60])
    moved = nibabel.load(files[2])
    nibabel.save(nibabel.Nifti1Image(np.asarray(moved.dataobj), moved.affine + np.eye(4)), files[2])
    page, remarks = page_of(run, out=tmp_path / "report.html")
    for problem, case in zip(("missing", "damaged", "on another grid"), CASES):
        warning = f"Predictions of small/flair are {problem}: {case} (looked for in {run.predictions})"
        assert any(warning in remark for remark in remarks) and f'<p class="banner">{escape(warning)}' in page
    shown = {case["id"]: case for case in viewer_json(page)["cases"]}
    assert [shown[case]["problems"] for case in CASES] == [["missing"], ["damaged"], ["on another grid"], [""]]
    assert [shown[case]["predictions"][0] is None for case in CASES] == [True, True, True, False]
    shutil.rmtree(run.predictions)
    page, _ = page_of(run, out=tmp_path / "report.html")
    assert "are missing: every case shown here" in page and page.count("prediction missing, truth only<") == 3
    assert "Purple: truth" in page


def test_truth_without_a_prediction_has_a_colour_of_its_own():
    assert len(set(COLOURS.values())) == 4
    grey, truth = np.zeros((2, 2), np.uint8), np.array([[1, 1], [0, 0]])
    alone, missed = paint(grey, truth, None), paint(grey, truth, np.zeros((2, 2)))
    np.testing.assert_array_equal(alone[0, 0], np.round(0.55 * np.array(COLOURS["truth"])))
    np.testing.assert_array_equal(missed[0, 0], np.round(0.55 * np.array(COLOURS["missed"])))
    assert not alone[1].any() and not missed[1].any()


def test_missing_images_are_said(run, tmp_path, cohort):
    moved = cohort.rename(tmp_path / "elsewhere")
    page, remarks = page_of(run, out=tmp_path / "report.html")
    assert len(remarks) == 1 and "--data" in remarks[0] and escape(remarks[0]) in page and "<canvas" not in page
    page, remarks = page_of(run, out=tmp_path / "report.html", data=moved)
    assert "<canvas" in page
    shutil.rmtree(moved / CASES[1])
    assert any(CASES[1] in remark for remark in page_of(run, out=tmp_path / "report.html", data=moved)[1])


def test_refusals_are_one_sentence(run, tmp_path, cohort):
    other = write_run(tmp_path / "runs" / "small" / "t2", cohort, cases=CASES[:2])
    with pytest.raises(UserError, match="same test cases; only small/flair has BraTS2021_00003, BraTS2021_00004"):
        write_report([run, other], tmp_path / "c.html")
    with pytest.raises(UserError, match="named twice"):
        write_report([run, run], tmp_path / "c.html")
    change_state(other, state="interrupted")
    with pytest.raises(UserError, match="is not finished .* go on with: python train_segan.py"):
        write_report([other], tmp_path / "c.html")
    run.metrics.unlink()
    with pytest.raises(UserError, match="has no scores yet"):
        write_report([run], tmp_path / "c.html")
    assert not (tmp_path / "c.html").exists()


def test_command_writes_into_the_run_and_beside_it(run, tmp_path, cohort, capsys):
    other = write_run(tmp_path / "runs" / "small" / "t2", cohort, shift=2)
    assert main(["report", "small/flair", "--runs", str(tmp_path / "runs"), "--cases", "2"]) == 0
    assert len(viewer_json(run.report.read_text())["cases"]) == 2
    assert main(["report", str(run.root), str(other.root), "--cases", "all", "--no-viewer"]) == 0
    page = tmp_path / "runs" / "small" / "flair-vs-t2.html"
    before = page.read_text()
    assert f"written {page}" in capsys.readouterr().out.replace("\n", "")
    third = write_run(tmp_path / "runs" / "small" / "t1", cohort, shift=3)
    assert main(["report", str(run.root), str(third.root), "--no-viewer"]) == 0
    assert page.read_text() == before and page.with_name("flair-vs-t1.html").is_file()
    assert main(["report", str(run.root), str(other.root), "--no-viewer"]) == 0
    assert f"replaced {page}" in capsys.readouterr().out.replace("\n", "")
    assert main(["report", "nowhere", "--runs", str(tmp_path / "runs")]) == 2


def test_cases_are_ranked(run, tmp_path, cohort):
    one = open_finished(run)
    dice = {case: one.dice(case) for case in CASES}
    ranked = sorted(CASES, key=lambda case: -dice[case])
    chosen = rank_cases([one], 3)
    assert chosen == [(ranked[0], "best"), (ranked[2], "median"), (ranked[3], "worst")]
    assert len(rank_cases([one], 9)) == 4 and rank_cases([one], 1) == [(ranked[0], "best")]


def test_roles_of_a_comparison_say_what_happened(run, tmp_path, cohort):
    one, other = (open_finished(write_run(tmp_path / name / "a", cohort, shift=shift))
                  for name, shift in (("one", 1), ("other", 2)))  # fmt: skip
    gained = sorted(CASES, key=lambda case: other.dice(case) - one.dice(case))
    assert [(case, role) for case, role in rank_cases([other, one], 4) if role] == [
        (gained[0], "gained most"), (gained[2], "median change"), (gained[3], "gained least")]  # fmt: skip
    roles = {role: case for case, role in rank_cases([one, other], 4)}
    assert roles["lost least"] == gained[3] and roles["lost most"] == gained[0]
    same = open_finished(write_run(tmp_path / "same" / "a", cohort))
    assert {role for _, role in rank_cases([one, same], 4)} >= {"unchanged"}


def test_several_regions_can_be_filtered_and_open_where_they_shine(tmp_path, cohort):
    run = write_run(tmp_path / "runs" / "a" / "all", cohort, regions=("wt", "tc"), modalities=("t1", "t2", "flair"))
    page, _ = page_of(run, out=tmp_path / "report.html")
    assert 'id="case-region"' in page and page.count('<tr data-region="tc">') == len(CASES)
    assert all(list(case["images"])[0] == "flair" for case in viewer_json(page)["cases"])


def test_network_is_named(run, tmp_path):
    for model, name in (
        ({"critic_input": "concatenate"}, "SegAN-CAT"), ({"critic_input": "mask"}, "SegAN"),
        ({"family": "nnunet"}, "nnU-Net with a critic"), ({"family": "mednext", "variant": "s"}, "MedNeXt (s)"),
    ):  # fmt: skip
        critic = None if model.get("family") == "mednext" else {}
        config = json.loads(run.config.read_text()) | {"name": "new", "model": model, "critic": critic}
        run.config.write_text(json.dumps(config))
        assert f"{name}, configuration new, FLAIR → WT" in page_of(run, out=tmp_path / "report.html", cases=0)[0]
    change_state(run, command="python transfer.py --source flair --target t2")
    assert "from scratch, to compare its transfer with" in page_of(run, out=tmp_path / "report.html", cases=0)[0]


def test_imported_run_is_said_to_have_no_scores(run, tmp_path):
    run.metrics.unlink()
    run.splits.unlink()
    run.state.write_text(json.dumps({"state": "finished", "source_sha256": "12ab", "name": "theirs"}))
    with pytest.raises(UserError, match="was imported, so it has no scores .* predict"):
        write_report([run], tmp_path / "report.html")


def test_what_is_large_is_reduced():
    # 4 million voxels a volume: 0.6 · 4 · 5 cases = 12 MB for one modality, 48 MB for four
    size = {"voxels": 4_000_000, "cases": 5, "needed": 1, "available": 4}
    assert make_plan(**size, budget_bytes=50e6) == Plan(5, True, 1)
    assert make_plan(**size, budget_bytes=20e6) == Plan(5, False, 1)
    assert make_plan(**size, budget_bytes=10e6) == Plan(5, True, 2)  # 48 / 8 = 6
    assert make_plan(**size | {"cases": 1000}, budget_bytes=10e6) == Plan(266, False, 4)  # 10 / (2.4 / 64)


def test_a_page_beyond_its_size_is_made_again_smaller(run, tmp_path):
    whole, _ = page_of(run, out=tmp_path / "whole.html", cases=None)
    size = len(whole.encode()) / 1e6
    fits, _ = page_of(run, out=tmp_path / "fits.html", cases=None, megabytes=size)
    assert all(len(case["images"]) == 4 for case in viewer_json(fits)["cases"])


def test_the_first_case_tells_how_large_the_others_are():
    size = {"voxels": 4_000_000, "cases": 5, "needed": 1, "available": 4, "budget_bytes": 20e6}
    assert make_plan(**size, bytes_a_voxel=0.24) == Plan(5, True, 1)  # 0.24 · 4 · 5 · 4 = 19.2 MB


def test_reduced_volumes_keep_their_place(run, tmp_path, monkeypatch):
    monkeypatch.setattr("segan_tl.report.html.volumes.make_plan", lambda *_, **__: Plan(2, False, 2))
    page, remarks = page_of(run, out=tmp_path / "report.html")
    case = next(one for one in viewer_json(page)["cases"])
    fine = viewer_json(page_of_fine(run, tmp_path, monkeypatch))["cases"][0]
    (small, small_affine), (large, large_affine) = volume(case["truth"]), volume(fine["truth"])
    assert small.shape == tuple(-(-size // 2) for size in large.shape) and list(case["images"]) == ["flair"]
    np.testing.assert_allclose(small_affine @ [0, 0, 0, 1], large_affine @ [0.5, 0.5, 0.5, 1])
    assert any("2 voxels averaged" in remark for remark in remarks) and any("left out" in one for one in remarks)


def page_of_fine(run, tmp_path, monkeypatch):
    monkeypatch.undo()
    return page_of(run, out=tmp_path / "fine.html")[0]


def test_charts_pass_over_what_is_missing():
    chart = line_chart({"dice": ([1, 2, 3], [0.1, float("nan"), 0.3])}, title="t")
    assert "nan" not in chart and chart.count("<circle") == 2
    assert box_chart({"a": {"x": float("nan")}}, title="t") == ""
    assert ticks(0, 1) == [0, 0.2, 0.4, 0.6, 0.8, 1.0] and ticks(3, 3) == [3]
    assert show(-0.0001) == "0.000" and show(-0.01234, signed=True) == "−0.012" and show(None) == "–"
