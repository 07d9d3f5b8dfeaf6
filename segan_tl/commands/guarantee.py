"""`python -m segan_tl guarantee`: what can be promised of a run's answers for new patients, and whether it holds."""

import argparse
import shlex
from pathlib import Path

from segan_tl.console import console, start_tensorflow
from segan_tl.errors import UserError
from segan_tl.workflow.numbers import above_zero, share
from segan_tl.workflow.patients import add_patients_argument

EPILOG = """examples:
  python -m segan_tl guarantee segan/flair                                  its test cases
  python -m segan_tl guarantee nnunet/BraTS2023 --alpha 0.05                the test cases of all folds
  python -m segan_tl guarantee zoo:segan_flair --data PATIENTS --out ours.json
  python -m segan_tl guarantee segan/flair --data SITE --check runs/segan/flair/guarantee.json
  python -m segan_tl guarantee segan/flair --data SITE --out site.json
  python -m segan_tl guarantee segan/flair --data SITE --out site.json --beside runs/segan/flair/guarantee.json
  python -m segan_tl predict segan/flair NEW OUT --guarantee missed --guarantee-file site.json

Of each region: a threshold at which the share of the tumour's volume that is missed is at most alpha, one at which what
is found outside of it (a share of its volume, too) is at most alpha, and an interval that holds the true volume in
1 - alpha of patients. All of it on average over patients like those that calibrate, who must be new to the network:
by themselves test cases, never validation cases, which have chosen the checkpoint. Scans of a patient count once. Fewer
than 1 / alpha - 1 patients promise nothing.

predict writes the interval into volumes.csv, and with --guarantee the mask at the threshold. --check holds a guarantee
against labelled patients of another place and tests whether they are alike. With a few of them it can be made anew:
from them alone, or with --beside, where those of the first cohort help, each --weight times less."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the command."""
    parser.description = "Promise what new patients lose by a run's masks on average, and where their volumes lie."
    parser.epilog = EPILOG
    parser.add_argument("run", metavar="RUN", help="a run, a cross-validation, its name below --runs, or zoo:NAME")
    parser.add_argument(
        "--alpha", type=share, default=0.1, metavar="A",
        help="share of volume, or of intervals that fail (%(default)s)",
    )  # fmt: skip
    parser.add_argument("--data", type=Path, metavar="DIR", help="labelled cases that it has not learnt from (its own)")
    add_patients_argument(parser)
    parser.add_argument("--out", type=Path, metavar="FILE.json", help="of --data (RUN/guarantee.json of its own cases)")
    parser.add_argument("--check", type=Path, metavar="FILE", help="hold this guarantee against --data; writes nothing")
    parser.add_argument("--beside", type=Path, metavar="FILE", help="guarantee whose patients help those of --data")
    parser.add_argument("--weight", type=above_zero, metavar="W", help="of a patient of --data, of --beside 1 (10)")
    parser.add_argument("--runs", type=Path, default=Path("runs"), metavar="DIR", help="where runs are kept (runs)")


def run(arguments: argparse.Namespace) -> int:
    """Find the patients, score them, promise or check, and say what comes next."""
    _check(arguments)
    return _of_data(arguments) if arguments.data else _of_own(arguments)


def _check(arguments) -> None:
    """Refuse options that do not go together."""
    given = {name: getattr(arguments, name) for name in ("out", "check", "beside", "patients")}
    if not arguments.data and (found := next((name for name, value in given.items() if value is not None), None)):
        raise UserError(f"--{found} is of labelled cases that are given; add --data DIR, or leave --{found} out")
    if arguments.weight is not None and not arguments.beside:
        raise UserError("--weight is of patients that others stand beside; add --beside FILE, or leave --weight out")
    if arguments.data and bool(arguments.out) == bool(arguments.check):
        found = "both" if arguments.out else "none"
        raise UserError(f"expected --out FILE.json or --check FILE beside --data; found {found}; give one of them")
    if arguments.check and arguments.beside:
        raise UserError("--check makes no guarantee, so nothing stands beside it; leave --beside out")
    if arguments.out and arguments.out.suffix != ".json":
        raise UserError(f"expected --out to end in .json; found {arguments.out}; give another name")
    _require_guarantees(arguments)


def _require_guarantees(arguments) -> None:
    """Refuse files to read that are no guarantees, and to replace one that no `guarantee` wrote."""
    from segan_tl.schemas.reading import read_json
    from segan_tl.schemas.trust import Guarantee

    for given in filter(None, (arguments.check, arguments.beside)):
        read_json(given, Guarantee)
    path = arguments.out
    if path is None or not path.exists():
        return
    try:
        read_json(path, Guarantee)
    except UserError as error:
        raise UserError(f"{path} is there already, and is no guarantee ({error}); give another --out") from None


def _of_own(arguments) -> int:
    """Promise by the test cases of a run, or of all folds; write it into the run, or into every fold."""
    from segan_tl.disk.atomic import write_json
    from segan_tl.workflow.guaranteeing import make_guarantee, print_guarantee, score_judged
    from segan_tl.workflow.judged import open_judged

    parts, folder = open_judged(arguments.run, "test", runs=arguments.runs)
    start_tensorflow()
    patients, digests = score_judged(parts)
    first = next(iter(parts.values())).member
    source = "test cases" if folder is None else f"test cases of {len(parts)} folds"
    about = make_guarantee(patients, first.config.data.regions, arguments.alpha, source=source)
    print_guarantee(about)
    if folder is not None:
        console.print(
            "each fold's network promises what all folds' scored together: nearly, not exactly, what its own would "
            "have; an ensemble of the folds has no guarantee",
            soft_wrap=True,
        )
    for number, part in parts.items():
        write_json(part.member.run.guarantee, {"segmentor_sha256": digests[number]} | about)
        console.print(f"written: {part.member.run.guarantee}", soft_wrap=True)
    _tell_next(arguments.run if folder is None else f"{arguments.run}/fold{next(iter(parts))}", "", about)
    return 0


def _of_data(arguments) -> int:
    """Promise by labelled cases that are given, or hold a promise against them."""
    from segan_tl.disk.atomic import write_json
    from segan_tl.workflow.guaranteeing import (
        Beside,
        check_guarantee,
        make_guarantee,
        print_guarantee,
        read_guarantee,
        score_judged,
    )
    from segan_tl.workflow.judged import other_cases

    judged = other_cases(arguments.run, arguments)
    member, place, beside = judged.member, str(arguments.data), None
    if arguments.check:
        found, calibrating = read_guarantee(arguments.check, member.digest, member.config)
    if arguments.beside:
        beside = Beside(read_guarantee(arguments.beside, member.digest, member.config)[1], arguments.weight or 10.0)
    patients, digests = score_judged({None: judged})
    if arguments.check:
        check_guarantee(found, calibrating, patients, place=place)
        return 0
    regions = member.config.data.regions
    about = make_guarantee(patients, regions, arguments.alpha, source=f"cases of {place}", beside=beside)
    print_guarantee(about)
    write_json(arguments.out, {"segmentor_sha256": digests[None]} | about)
    console.print(f"written: {arguments.out}", soft_wrap=True)
    _tell_next(arguments.run, f" --guarantee-file {shlex.quote(str(arguments.out))}", about)
    return 0


def _tell_next(name: str, file: str, about: dict) -> None:
    """Say what uses the guarantee; nothing does where it is empty."""
    from segan_tl.workflow.guaranteeing import kept_kinds

    kinds = kept_kinds(about)
    if not kinds:
        return
    then = f"predict {shlex.quote(name)} PATIENTS OUT --guarantee {kinds[0]}{file}"
    console.print(f"next: python -m segan_tl {then}", soft_wrap=True)
