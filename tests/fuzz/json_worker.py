"""Read files of a folder by the real readers, in a process with little memory and little time: one line of JSON each.

Arguments: a folder, and damaged copies as one JSON list of {file, what, content (hexadecimal)}. The first answer is of
the sound files. Prints {"outcome", "found"}; the outcome is "read", "refused" (by the one sentence) or what was raised.
"""

import hashlib
import json
import resource
import signal
import sys
import time
from pathlib import Path

SPARE_BYTES = 2**30
SECONDS, IMPORT_SECONDS = 60, 300


def read(folder: Path, file: str) -> object:
    """Read one file by all that read it; return what they found.

    Raises:
        UserError: it is refused.
    """
    from segan_tl.clinical.dicom.reference import read_reference
    from segan_tl.config.load import load_config, validate
    from segan_tl.data.find.cases import find_cases
    from segan_tl.data.find.patients import read_patients
    from segan_tl.data.folds import read_folds
    from segan_tl.data.strata import read_groups
    from segan_tl.disk.manifest import verify
    from segan_tl.models.foreign.dataset_json import describe_outputs, name_channels
    from segan_tl.papers.runs import describe_runs, read_column
    from segan_tl.predict.chosen import read_chosen
    from segan_tl.predict.reviewer import read_reviewer
    from segan_tl.report.compare.score_tables import open_tables
    from segan_tl.report.compare.transfer import read_dice
    from segan_tl.report.figures import read_history
    from segan_tl.report.html.facts import facts
    from segan_tl.report.record import open_finished
    from segan_tl.report.score.masks import _recorded_meanings
    from segan_tl.runs import Run, read_json
    from segan_tl.schemas.datasets import NnunetDataset, Plans
    from segan_tl.schemas.reading import read_json as read_any
    from segan_tl.schemas.runs import Comparison
    from segan_tl.workflow.worth import print_comparison

    path, run = folder / file, Run(folder / "run")
    place, name = file.split("/", 1)
    if name in ("config.json", "run.json", "splits.json", "summary.json", "metrics.csv", "history.csv"):
        config = validate(read_json(run.config), source=str(run.config))
        one = open_finished(run)
        curves = {key: values.tolist() for key, values in read_history(run.history).items()}
        return [
            config.model_dump(mode="json"), one.split, one.cases, facts(one), one.definitions, one.failed,
            [one.dice(case) for case in one.cases], repr(curves), open_tables([run.root])[0].scores("dice", "wt"),
            read_column(run.metrics, "dice", region="wt"), sorted(map(repr, read_dice(run).items())),
            describe_runs([run], total=1, split=one.split, scale="quick"),
        ]  # fmt: skip
    if name == "comparison.json":
        print_comparison(read_json(path, Comparison))
        return open_finished(run).comparison["regions"]
    if name == "MANIFEST.json":
        return verify(path.parent)
    if name == "folds.json":
        return {key: read_folds(path.parent).get(key) for key in ("seed", "folds", "stratify", "groups", "test")}
    if name == "predictions.json":
        return _recorded_meanings(path.parent, {})
    if name == "series.json":
        return repr(read_reference(path, "p1", "flair"))
    if name == "postprocess.json":
        return read_chosen(path)
    if name == "review.json":
        reviewer = read_reviewer(path)
        return reviewer.review(dict.fromkeys(reviewer.weights.names, 0.2)), reviewer.knows([], "alone")
    if name == "plans.json":
        return read_any(path, Plans).get("configurations")
    if place in ("cohort", "msd", "nnunet"):
        cohort = find_cases(folder / place)
        found = [(case.id, sorted(case.images), case.convention, case.grade, case.patient) for case in cohort.cases]
        if place == "nnunet":
            about = read_any(path, NnunetDataset)
            return [found, name_channels(about), describe_outputs(about)]
        return found
    if name == "theirs.csv":
        return open_tables([path])[0].scores("dice", "wt")
    if name in ("groups.json", "groups.csv"):
        return read_groups(path)
    if name == "who.csv":
        return read_patients(path)
    if name == "own.toml":
        return load_config(path).model_dump(mode="json")
    value = read_json(path)  # patients.json, progress.json, operating_point.json
    return {key: value[key] for key in value if key != "newer_than_this"}


def answer(folder: Path, file: str, *, seconds: int = SECONDS) -> dict:
    """Read one file; return what became of it."""
    from segan_tl.errors import UserError

    found, started = None, time.monotonic()
    signal.alarm(seconds)
    try:
        found = hashlib.sha256(repr(read(folder, file)).encode()).hexdigest()
        outcome = "read"
    except UserError as error:
        outcome = "refused" if "\n" not in str(error) and len(str(error)) < 1000 else f"not one sentence: {error}"
    except Exception as error:
        outcome = f"{type(error).__name__}: {error}"
    signal.alarm(0)
    return {"outcome": outcome, "found": found, "seconds": time.monotonic() - started}


def main(folder: Path, copies: list[dict]) -> int:
    """Read the sound files, then every damaged copy in the place of its sound one."""
    answers, sys.stdout = sys.stdout, sys.stderr  # what the readers print is no answer
    signal.signal(signal.SIGALRM, lambda *_: (_ for _ in ()).throw(TimeoutError("too slow")))
    for file in dict.fromkeys(copy["file"] for copy in copies):
        print(json.dumps({"file": file} | answer(folder, file, seconds=IMPORT_SECONDS)), file=answers, flush=True)
    used_bytes = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used_bytes + SPARE_BYTES, resource.RLIM_INFINITY))
    for copy in copies:
        path = folder / copy["file"]
        sound = path.read_bytes()
        path.write_bytes(bytes.fromhex(copy["content"]))
        print(json.dumps(answer(folder, copy["file"])), file=answers, flush=True)
        path.write_bytes(sound)
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), json.loads(sys.stdin.read())))
