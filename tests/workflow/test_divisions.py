"""How many cases of a division can train, and what is said where that is fewer than a learning curve wants."""

import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from segan_tl.config.load import load_config
from segan_tl.data.find.cases import Case
from segan_tl.data.splits import split_cases
from segan_tl.errors import UserError
from segan_tl.workflow.curve import Curve
from segan_tl.workflow.divisions import divide_patients, require_training, split_that_trains
from segan_tl.workflow.starts import read_start

HERE = Path("results/division0.json")


def patients(count, scans=1):
    return [Case(f"P{patient:03}_{scan}", {}, stated_patient=str(patient)) for patient in range(count)
            for scan in range(scans)]  # fmt: skip


def refused(most, *, counts, cases, share=0.8):
    with pytest.raises(UserError) as caught:
        require_training(dict(zip((HERE, Path("results/division1.json")), counts)), most, cases, share=share)
    return str(caught.value)


def test_of_eight_patients_six_can_train():
    """int(0.75 · 8) = 6, of the other two one validates, one tests: no share leaves seven, as each part has one."""
    assert refused(8, counts=[6], cases=patients(8)) == (
        "--cases 8: 6 of 8 cases train in results/division0.json, and all of them cannot, for some must validate and "
        "some test; choose at most 6"
    )
    told = refused(7, counts=[4], cases=patients(8), share=0.5)
    assert ", and 7 cannot, for some" in told
    assert told.endswith("at most 4, or at most 6 with --set 'data.split=[0.75,0.125,0.125]' and another --out")


def test_the_split_that_is_named_has_as_many():
    """int(0.65 · 8) = int(5.2) = 5; at 0.6 int(4.8) = 4."""
    told = refused(5, counts=[4], cases=patients(8), share=0.5)
    assert told.endswith("or let 5 train with --set 'data.split=[0.65,0.175,0.175]' and another --out")


@pytest.mark.parametrize(("count", "scans"), [(3, 1), (8, 1), (8, 2), (20, 3), (120, 1)])
def test_every_split_that_is_named_holds_what_is_said(count, scans):
    """Beside two patients all can train; beside that no share of a finer grid reaches more (slow oracle)."""
    cases = patients(count, scans)
    shares = [k / 997 for k in range(1, 997)]
    most = max(len(split_cases(cases, (s, (1 - s) / 2, (1 - s) / 2), seed=0)["train"]) for s in shares)
    assert most == (count - 2) * scans
    for wanted in {1, most // 2 + 1, most - 1, most, most + 1, len(cases)}:
        split, there = split_that_trains(cases, wanted, seeds=[0, 1])
        assert there >= min(wanted, most) and load_config("segan_cpu", [f"data.split={list(split)}"])
        assert all(len(split_cases(cases, split, seed=seed)["train"]) >= there for seed in (0, 1))


def test_the_division_with_fewest_counts():
    assert "4 of 8 cases train in results/division1.json" in refused(5, counts=[5, 4], cases=patients(8))
    require_training({HERE: 5}, 5, patients(8), share=0.8)
    require_training({HERE: 5}, 0, patients(8), share=0.8)


def test_a_file_that_was_given_is_no_matter_of_shares():
    assert refused(5, counts=[4], cases=patients(8), share=None).endswith("; choose at most 4, or give another --split")


# === Patients of whom one lacks a modality ===


@pytest.fixture
def lacking(tiny_cohort, tmp_path, monkeypatch):
    """Return a folder of the eight patients, the first without T1c."""
    import shutil

    monkeypatch.chdir(tmp_path)
    shutil.copytree(tiny_cohort, "clinic")
    case = sorted(path.name for path in Path("clinic").iterdir() if path.is_dir())[0]
    next(Path("clinic", case).glob("*_t1ce.nii.gz")).unlink()
    return case


def divide(tiny_config, *, skip, split=None):
    config = load_config(str(tiny_config), ["data.modalities=['t1c']"])
    arguments = SimpleNamespace(data=Path("clinic"), patients=None, cache=Path("cache"), split=split,
                                skip_bad_cases=skip)  # fmt: skip
    files = tuple(split or (Path("out/division0.json"),))
    starts = (read_start("scratch"),)
    curve = Curve("c", str(tiny_config), "t1c", arguments.data, starts, (2,), (0,), files, Path("runs"), Path("cache"))
    divide_patients(arguments, config, curve, Path("out"), most=2)


def test_a_case_that_lacks_it_is_left_out_where_it_may_be(lacking, tiny_config, capsys):
    with pytest.raises(UserError, match="or leave them out with --skip-bad-cases"):
        divide(tiny_config, skip=False)
    divide(tiny_config, skip=True)
    split = json.loads(Path("out/division0.json").read_text())
    assert len({case for part in split.values() for case in part} - {lacking}) == 7
    capsys.readouterr()
    # A file that somebody gave has it, and is taken over without it; a division drawn here is held to as it is.
    split["train"].append(lacking)
    Path("given.json").write_text(json.dumps(split))
    divide(tiny_config, skip=True, split=[Path("given.json")])
    assert f"given.json without the cases left out as bad: {lacking} of train" in capsys.readouterr().out
    Path("out/division0.json").write_text(json.dumps(split))
    with pytest.raises(UserError, match=rf"lacks now \({lacking}\)"):
        divide(tiny_config, skip=True)
