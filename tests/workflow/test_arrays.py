"""Job arrays: stages by hand, and the script's very lines by a real bash; Slurm and the trainings are small scripts."""

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from segan_tl.__main__ import main
from segan_tl.workflow.arrays import Stage, stage_jobs, write_array, write_trainings
from segan_tl.workflow.jobs import Job
from tests.small_volumes import TINY

ROOT, PYTHON = Path(__file__).parents[2], sys.executable
TRAINING = ["--", "train", "--config", "tiny.toml", "--data", "pa tients", "--set", "name=tiny"]
pytestmark = pytest.mark.skipif(shutil.which("bash") is None, reason="no bash")


@pytest.fixture
def place(tmp_path, monkeypatch) -> Path:
    """Return the folder where everything is typed; its bin/ stands first in PATH, with a Slurm that notes."""
    (tmp_path / "tiny.toml").write_text(TINY)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    (tmp_path / "bin").mkdir()
    monkeypatch.setattr(sys, "executable", str(tmp_path / "bin" / "python"))  # which a script puts first in PATH
    play(tmp_path, "sbatch", 'echo "$@" >> sbatch.txt; echo "$((40 + $(wc -l < sbatch.txt)));cluster"')
    play(tmp_path, "scontrol", 'echo "$@" >> scontrol.txt')
    return tmp_path


def play(place: Path, name: str, body: str) -> None:
    (place / "bin" / name).write_text(f"#!/bin/bash\n{body}\n")
    (place / "bin" / name).chmod(0o755)


def task(script: str, stage: int, number: int) -> subprocess.Popen:
    """Start a task as Slurm does."""
    slurm = {"SLURM_ARRAY_JOB_ID": "7", "SLURM_ARRAY_TASK_ID": str(number)}
    return subprocess.Popen(["bash", script, str(stage)], env=os.environ | slurm, stdout=subprocess.DEVNULL)


def job(name: str, *needs: str) -> Job:
    return Job(name, (sys.executable, "-m", "segan_tl", "train", name), needs)


def test_a_job_is_in_the_first_stage_after_all_it_needs():
    # c needs b, which needs a; d needs what is done already; e needs a and c.
    jobs = [job("a"), job("b", "a"), job("c", "b"), job("d", "done"), job("e", "a", "c")]
    stages = [[words[-1] for words in stage.commands] for stage in stage_jobs(jobs)]
    assert stages == [["a", "d"], ["b"], ["c"], ["e"]]
    assert stage_jobs([]) == []


def test_folds_are_prepared_run_and_gathered(place, capsys):
    assert main(["crossval", "--slurm", "folds.sbatch", "--folds", "4", "--at-once", "2", *TRAINING]) == 0
    assert "bash folds.sbatch" in capsys.readouterr().out.replace("\n", " ")
    assert subprocess.run(["bash", "folds.sbatch"], check=False).returncode == 0
    script = place / "folds.sbatch"
    after = "--kill-on-invalid-dep=yes"
    assert (place / "sbatch.txt").read_text().splitlines() == [
        f"--parsable --array=0-0%2 --gres=none {script} 0",
        f"--parsable --array=0-3%2 --dependency=afterok:41 {after} {script} 1",
        f"--parsable --array=0-0%2 --gres=none --dependency=afterok:42 {after} {script} 2",
    ]
    play(place, "python", 'printf "%s\\n" "$@" > "words$SLURM_ARRAY_TASK_ID.txt"')
    own = ["train", "--config", "tiny.toml", "--data", "pa tients", "--set", "name=tiny"]
    for stage, number, words in (
        (0, 0, ["crossval", "--prepare", "--folds", "4", "--", *own]),
        (1, 3, [*own, "--fold", "3", "--folds", "4"]),
        (2, 0, ["crossval", "--gather", "--folds", "4", "--", *own]),
    ):
        assert task("folds.sbatch", stage, number).wait(timeout=30) == 0
        assert (place / f"words{number}.txt").read_text().splitlines() == ["-m", "segan_tl", *words]
    assert task("folds.sbatch", 1, 4).wait(timeout=30) == 2  # there is no such fold


def test_the_python_that_wrote_a_script_is_the_one_that_runs(place, monkeypatch):
    other = place / "an environment" / "bin"
    other.mkdir(parents=True)
    monkeypatch.setattr(sys, "executable", str(other / "python"))
    assert main(["crossval", "--slurm", "folds.sbatch", *TRAINING]) == 0
    play(place, "python", "exit 3")
    play(place / "an environment", "python", "exit 4")
    assert task("folds.sbatch", 1, 0).wait(timeout=30) == 4


def test_sbatch_reads_all_of_its_lines(place):
    assert main(["crossval", "--slurm", "folds.sbatch", *TRAINING]) == 0
    lines = (place / "folds.sbatch").read_text().splitlines()
    first = next(i for i, line in enumerate(lines) if line and not line.startswith("#"))
    options = [i for i, line in enumerate(lines) if line.startswith("#SBATCH")]
    assert lines[0] == "#!/bin/bash" and max(options) < first
    assert all(re.fullmatch(r"#SBATCH --[a-z-]+(=\S+)?", lines[i]) for i in options)
    assert "#SBATCH --requeue" in lines and "#SBATCH --gres=gpu:1" in lines


def test_edited_lines_are_kept_when_the_script_is_written_again(place, capsys):
    words = ["crossval", "--slurm", "folds.sbatch", "--folds", "3", *TRAINING]
    assert main(words) == 0
    script = place / "folds.sbatch"
    first = script.read_text()
    assert main(words) == 0 and script.read_text() == first
    assert "kept" not in capsys.readouterr().out  # nothing was edited
    edited = first.replace("##SBATCH --partition=gpu", "#SBATCH --partition=a100").replace("gpu:1", "gpu:{h200}:2")
    edited = edited.replace("--time=24:00:00", "--time=2-00:00:00").replace("USR1@120", "USR1@600")
    assert edited.count("\n") == first.count("\n")
    script.write_text(edited)
    assert main(words) == 0 and script.read_text() == edited
    assert capsys.readouterr().out.splitlines()[-2:] == [
        "kept: the #SBATCH lines of the earlier folds.sbatch, as edited",
        "written: folds.sbatch; look at its #SBATCH lines, then type: bash folds.sbatch",
    ]
    # What is computed is new: the stages, and how many tasks may run at a time.
    words[4:4] = ["5", "--at-once", "2"]
    words.remove("3")
    assert main(words) == 0
    again = script.read_text()
    assert "TASKS=(1 5 1)" in again and 'TASKS[stage] - 1))%2"' in again
    assert [line for line in again.splitlines() if "#SBATCH" in line] == [
        line for line in edited.splitlines() if "#SBATCH" in line
    ]


@pytest.mark.parametrize(("code", "ends"), [(0, 0), (2, 2), (75, 0)])
def test_what_was_interrupted_is_queued_again(place, code, ends):
    assert main(["crossval", "--slurm", "folds.sbatch", *TRAINING]) == 0
    play(place, "python", f"exit {code}")
    assert task("folds.sbatch", 1, 3).wait(timeout=30) == ends
    assert (place / "scontrol.txt").exists() == (code == 75)
    assert code != 75 or (place / "scontrol.txt").read_text() == "requeue 7_3\n"


def test_the_warning_is_passed_on(place):
    assert main(["crossval", "--slurm", "folds.sbatch", *TRAINING]) == 0
    play(place, "python", "trap 'sleep 0.5; touch saved; exit 75' USR1\ntouch ready; while true; do sleep 0.1; done")
    process, deadline = task("folds.sbatch", 1, 0), time.monotonic() + 60
    while not (place / "ready").exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGUSR1)
    assert process.wait(timeout=30) == 0 and (place / "saved").exists()
    assert (place / "scontrol.txt").read_text() == "requeue 7_0\n"


def test_words_of_the_shell_are_words_of_the_command(place):
    words = ("python", "a b", "$HOME", "`touch bad`", "it's", "x;y", 'say "z"', "two\nlines")
    command = "learning-curve\n touch bad"  # it stands in a comment
    write_array(Path("jobs.sbatch"), [Stage("one", (words,))], name="n", command=command)
    play(place, "python", 'printf "%s|" "$@" > words.txt')
    assert task("jobs.sbatch", 0, 0).wait(timeout=30) == 0
    assert (place / "words.txt").read_text() == "|".join(words[1:]) + "|" and not (place / "bad").exists()


def test_a_learning_curve_is_a_stage_for_what_others_need(place, tiny_cohort, tiny_config):
    words = ["learning-curve", "--data", str(tiny_cohort), "--modality", "t2", "--config", str(tiny_config), "--cases",
             "2", "--starts", "scratch", "flair", "--seeds", "1"]  # fmt: skip
    assert main([*words, "--slurm", "curve.sbatch"]) == 0
    text = (place / "curve.sbatch").read_text()
    # From scratch and the source at first, then what begins with the source, then the page.
    assert "TASKS=(2 1 1)" in text and 'OPTIONS=("" "" "--gres=none")' in text
    assert re.search(r"1\.0\) COMMAND=\(python -m segan_tl transfer .*--seed 0", text)
    page = re.search(r"2\.0\) COMMAND=\((.*)\) ;;", text)[1]
    assert page == f"python -m segan_tl {' '.join(words)} --gather"


def test_the_option_is_left_out_of_what_makes_the_page(place):
    for given in (("--slurm", "a b"), ("--slurm=a b",)):
        line = shlex.join(["python", "-m", "segan_tl", "reproduce", *given, "kaur-2019"])
        arguments = SimpleNamespace(slurm=Path("a b"), command_line=line)
        write_trainings([], arguments, name="kaur-2019")
        assert "0.0) COMMAND=(python -m segan_tl reproduce kaur-2019) ;;" in (place / "a b").read_text()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--slurm", "mine.sh"], "--slurm mine.sh: it is there already, and segan_tl did not write it"),
        (["--slurm", "bin"], "bin is a folder; type --slurm bin/jobs.sbatch"),
        (["--slurm", "a", "--devices", "gpu:0"], "leave --devices out"),
        (["--slurm", "a", "--gather"], "leave --gather out"),
        (["--slurm", "a", "--prepare"], "leave --gather and --slurm out"),
        (["--prepare", "--gather"], "leave --gather and --slurm out"),
    ],
)
def test_what_is_refused(place, words, said, capsys):
    (place / "mine.sh").write_text("#!/bin/bash\n")
    assert main(["crossval", *words, *TRAINING]) == 2
    assert said in capsys.readouterr().err.replace("\n", " ") and not (place / "a").exists()
    assert (place / "mine.sh").read_text() == "#!/bin/bash\n"


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_real_folds_from_the_script_to_the_table(place, tiny_cohort):
    """Every task as Slurm would start it, one after another, and at the end the table of all folds."""
    training = ["--", "train", "--config", "tiny.toml", "--data", str(tiny_cohort), "--devices", "cpu", "--no-report"]
    assert main(["crossval", "--slurm", "folds.sbatch", "--folds", "2", *training]) == 0
    play(place, "python", f'export PYTHONPATH={ROOT}; exec {PYTHON} "$@"')
    for stage, number in ((0, 0), (1, 0), (1, 1), (2, 0)):
        assert task("folds.sbatch", stage, number).wait(timeout=200) == 0
    folder = place / "runs" / "tiny" / "tiny"
    assert json.loads((folder / "crossval.json").read_text()) and (folder / "crossval.csv").is_file()
    # Written again, nothing is left to train.
    assert main(["crossval", "--slurm", "folds.sbatch", "--folds", "2", *training]) == 0
    assert "TASKS=(1)" in (place / "folds.sbatch").read_text()
