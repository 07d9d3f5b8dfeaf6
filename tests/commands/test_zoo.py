"""`zoo` lists and shows what comes along; other commands use it by its name, and write nothing into it."""

import argparse
import json
from pathlib import Path

import pytest

import segan_tl
from segan_tl.__main__ import main
from segan_tl.commands import transfer
from segan_tl.disk.atomic import write_json
from segan_tl.disk.manifest import sha256
from segan_tl.parser import Parser
from segan_tl.runs import Run, read_json
from segan_tl.train.start.source import find_source
from segan_tl.train.start.weights import find_start
from segan_tl.workflow.curve import Curve
from segan_tl.workflow.source_data import use_data_of
from segan_tl.workflow.starts import Start, read_start
from segan_tl.workflow.trainings import starts_from_source
from segan_tl.zoo.find import ZOO
from tests.small_runs import make_run, small_config, small_labels, write_case

ENTRY = ZOO / "segan_random"
SHA = sha256(ENTRY / "best" / "segmentor.keras")
OWN = read_json(ENTRY / "config.json")["data"]["modalities"][0]  # which its configuration names
OTHERS = [modality for modality in ("t1", "t2", "flair") if modality != OWN]


@pytest.fixture(autouse=True)
def untouched(tmp_path, monkeypatch):
    """Stand in an empty folder, and see that no file of the package comes, goes or changes."""
    def state():
        return {path: path.read_bytes() for path in ZOO.rglob("*") if path.is_file() and path.suffix != ".pyc"}

    monkeypatch.chdir(tmp_path)
    before = state()
    yield
    assert state() == before


@pytest.fixture(scope="module")
def patients(tmp_path_factory):
    """Return a folder of two cases: one that lacks what the network's configuration names, one that has it, too."""
    folder = tmp_path_factory.mktemp("zoo") / "patients"
    write_case(folder, "BraTS2021_00001", small_labels(), modalities=OTHERS)
    write_case(folder, "BraTS2021_00002", small_labels(3), modalities=(*OTHERS, OWN))
    return folder


def said(capsys):
    return " ".join(capsys.readouterr().err.split())


# === zoo ===


def test_the_list_and_the_card(capsys):
    assert main(["zoo"]) == 0
    assert "zoo:segan_random" in capsys.readouterr().out
    for name in ("segan_random", "zoo:segan_random"):
        assert main(["zoo", "show", name]) == 0
        assert capsys.readouterr().out == (ENTRY / "README.md").read_text()


def test_a_narrow_terminal_gets_lines(capsys, monkeypatch):
    """At 80 columns the last column of the table had three letters a line."""
    from segan_tl.console import PlainConsole

    monkeypatch.setattr("segan_tl.console.console", PlainConsole(width=80, force_terminal=True, no_color=True))
    assert main(["zoo"]) == 0
    printed = capsys.readouterr().out
    assert "zoo:segan_flair  segan, flair → wt, 270,561 weights, 1.4 MB\n    For flair" in printed


@pytest.mark.parametrize(
    ("words", "answer"),
    [
        (["shwo"], "did you mean zoo show?"),
        (["zoo:segan_random"], "did you mean zoo show segan_random?"),
        (["xyz"], "type python -m segan_tl zoo for the list"),
        (["list", "segan_random"], "type python -m segan_tl zoo show segan_random"),
        (["show"], "zoo show expects the name of a network"),
        (["show", "segan_randm"], "did you mean zoo:segan_random?"),
    ],
)
def test_mistakes_are_one_sentence(words, answer, capsys):
    assert main(["zoo", *words]) == 2
    assert answer in capsys.readouterr().err


# === What only reads a run ===


def test_any_modality_of_a_patient_is_segmented(patients, tmp_path, capsys):
    assert main(["predict", "zoo:segan_random", str(patients), "OUT", "--modality", OTHERS[1]]) == 0
    record = json.loads((tmp_path / "OUT" / "predictions.json").read_text())
    assert (record["run"], record["modalities"], record["segmentor_sha256"]) == ("zoo:segan_random", [OTHERS[1]], SHA)
    assert len(record["cases"]) == 2 and "zoo:segan_random was trained on SYNTHETIC" in capsys.readouterr().out


def test_a_file_that_names_its_modality_is_taken_as_it_is(patients, tmp_path):
    file = patients / "BraTS2021_00001" / f"BraTS2021_00001_{OTHERS[0]}.nii.gz"
    assert main(["predict", "zoo:segan_random", str(file), "OUT"]) == 0
    assert json.loads((tmp_path / "OUT" / "predictions.json").read_text())["modalities"] == [OTHERS[0]]


def test_a_patient_without_the_usual_modality_is_told_of_the_option(patients, capsys):
    assert main(["predict", "zoo:segan_random", str(patients), "OUT"]) == 2
    assert f"has no {OWN}" in (message := said(capsys)) and "say which image it is to take with --modality" in message


def test_a_run_of_one_modality_keeps_it(patients, tmp_path, capsys):
    run = make_run(tmp_path / "runs" / "small" / OWN, small_config((OWN,)))
    words = ["predict", str(run.root), str(patients / "BraTS2021_00001"), "OUT", "--modality", OTHERS[1]]
    assert main(words) == 2
    assert f"has no {OWN}" in (message := said(capsys)) and "--modality" not in message


def test_in_python(patients):
    run = segan_tl.open_run("zoo:segan_random")
    scan = run.read(patients / "BraTS2021_00001", modality=OTHERS[1])
    assert run.segment(scan.image, spacing_mm=scan.spacing_mm).shape == (*scan.image.shape[:3], 1)


def test_inspect_and_check(patients, capsys):
    assert main(["inspect", "zoo:segan_random", "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["target"] == "zoo:segan_random" and shown["networks"]["segmentor"]["sha256"] == SHA
    words = ["check", str(patients), "--jobs", "1", "--like", "zoo:segan_random", "--modality"]
    assert main([*words, OTHERS[1]]) == 0 and "that zoo:segan_random was trained on" in capsys.readouterr().out
    assert main([*words, *OTHERS]) == 0
    run = make_run(Path("runs") / "small" / OWN, small_config((OWN,)))
    assert main([*words[:5], str(run.root), "--modality", *OTHERS]) == 2
    assert f"add {OWN} to --modality" in said(capsys)


def test_retest_writes_elsewhere(patients, tmp_path):
    write_case(tmp_path / "own", "BraTS2021_00003", small_labels())
    assert main(["retest", "zoo:segan_random", "--data", "own", "--out", "scores"]) == 0
    assert "BraTS2021_00003" in (tmp_path / "scores" / "metrics.csv").read_text()


# === What would write into it, or shows scores of it ===


@pytest.mark.parametrize(
    ("words", "answer"),
    [
        (["report", "zoo:segan_random"], "no scores to show or to compare"),
        (["report", "zoo:segan_random", "--out", "page.html"], "no scores to show or to compare"),
        (["compare", "zoo:segan_random", "zoo:segan_random"], "no scores to show or to compare"),
        (["evaluate", "zoo:segan_random", "PATIENTS", "--out", "m.csv"], "no predictions to score"),
        (["evaluate", str(ENTRY), "PATIENTS", "--out", "m.csv"], "no predictions to score"),
        (["retest", "zoo:segan_random"], "retest zoo:segan_random --data DIR --out DIR"),
        (["retest", "zoo:segan_random", "--data", "PATIENTS"], "retest zoo:segan_random --data DIR --out DIR"),
        (["retest", str(ENTRY), "--auc"], "retest zoo:segan_random --data DIR --out DIR"),
        (["matrix", "zoo:segan_random"], "no test cases to share with other runs"),
        (["import", __file__, "--run", "zoo:segan_random"], "names a run, expected letters"),
        (["predict", "zoo:segan_randm", "PATIENTS", "OUT"], "did you mean zoo:segan_random?"),
        (["transfer", "--source", "zoo:segan_randm", "--target", "t2"], "did you mean zoo:segan_random?"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_it_has_not_is_one_sentence(words, answer, patients, tmp_path, capsys):
    assert main([str(patients) if word == "PATIENTS" else word for word in words]) == 2
    message = capsys.readouterr().err
    assert answer in message and len(message.splitlines()) == 1 and not list(tmp_path.iterdir())


# === As a start ===


def planned(*words):
    parser = Parser()
    transfer.add_arguments(parser)
    return transfer.plan_run(parser.parse_args(["--source", "zoo:segan_random", *words]))


@pytest.mark.parametrize("target", ["t2", "flair"])
def test_a_transfer_records_the_name_and_no_folder(target, patients):
    run, config = planned("--target", target, "--data", str(patients))
    assert run.root.name == f"segan_random-to-patients-{target}" and config.phantom.contrast == "physics"
    assert (config.transfer.source, config.transfer.source_sha256) == ("zoo:segan_random", SHA)
    assert config.transfer.inputs == {target: OWN}
    start = find_start(config, run, resuming=False)
    assert start.path == ENTRY / "best" / "segmentor.keras" and start.critic.is_file()
    assert start.record["file"] == "zoo:segan_random" and start.learnt_from


@pytest.mark.parametrize("target", ["t2", "flair"])
def test_without_data_its_own_patients_are_simulated(target):
    run, config = planned("--target", target)
    assert run.root.name == f"segan_random-to-{target}"
    arguments = argparse.Namespace(data=None)
    use_data_of(arguments, find_source("zoo:segan_random", runs=Path("runs")), config)
    assert arguments.data is None


def test_pretrained_takes_it_too(tmp_path):
    config = small_config()
    config = config.model_copy(update={"model": config.model.model_copy(update={"pretrained": "zoo:segan_random"})})
    assert find_start(config, Run(tmp_path / "run"), resuming=False).record["sha256"] == SHA


@pytest.mark.parametrize(
    ("text", "start"),
    [
        ("zoo:segan_random", Start("segan_random", "zoo:segan_random")),
        ("zoo:segan_random:freeze-encoder", Start("segan_random-freeze-encoder", "zoo:segan_random", "freeze-encoder")),
        ("any=zoo:segan_random,seed=1", Start("any", "zoo:segan_random", "full", ("seed=1",))),
    ],
)
def test_a_start_of_a_learning_curve(text, start, patients):
    assert read_start(text) == start
    starts = tuple(map(read_start, ("scratch", text)))
    curve = Curve(
        "curve-t2", "quickstart", "t2", patients, starts, (2,), (0,), (Path("out/division0.json"),),
        Path("runs"), Path("cache"),
    )  # fmt: skip
    job = curve.jobs()[-1]
    end = "" if start.strategy == "full" else f"-{start.strategy}"
    assert job.name == f"curve-t2-{start.label}-cases2-seed0-division0/segan_random-to-patients-t2{end}"
    assert job.command[job.command.index("--from") + 1] == "zoo:segan_random" and not job.needs
    run = Run(Path("runs") / job.name)
    for sha, same in ((SHA, True), ("0" * 64, False)):
        write_json(run.config, {"transfer": {"source": "zoo:segan_random", "source_sha256": sha}})
        assert starts_from_source(job, run) is same


def test_a_learning_curve_of_other_sizes_says_what_to_add(patients, capsys):
    words = ["learning-curve", "--data", str(patients), "--modality", "t2", "--starts", "scratch", "zoo:segan_random"]
    assert main([*words, "--config", "segan_cat"]) == 2
    assert "--set 'model.filters=[" in (message := said(capsys)) and "--set 'critic.filters=[" in message
