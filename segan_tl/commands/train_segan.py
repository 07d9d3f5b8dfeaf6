"""Train SegAN-CAT per modality: arguments, and the way from a folder of MRI to scores and pictures."""

import json
import os
import shutil
from pathlib import Path

MODALITIES = ("t1", "t1c", "t2", "flair")
EPILOG = """examples:
  python train_segan.py --modality flair                              the built-in synthetic cohort
  python train_segan.py --modality flair --data BraTS2021             the published method on your data
  python train_segan.py --modality t2 --data BraTS2021 --config segan_cpu     for a computer without GPU
  python train_segan.py --modality all --set train.update=alternating --set name=alternating
  python train_segan.py --modality flair --devices gpu:0,1            two GPUs; cpu:2 gives two logical CPUs

Run the same command again to go on after an interruption. Without --data, configs/quickstart.toml is used and the
synthetic cohort is written to --cache first; with --data, configs/segan_cat.toml, the paper's values.
"""
EXIT_INTERRUPTED = 75  # EX_TEMPFAIL: Slurm and shells may run the command again


def add_arguments(parser):
    """Add the command's arguments."""
    parser.description = "Train SegAN-CAT on one MRI modality or all four; segment and score the test cases."
    parser.epilog = EPILOG
    parser.add_argument("--modality", required=True, choices=(*MODALITIES, "all"), help="what the segmentor sees")
    parser.add_argument("--data", type=Path, metavar="DIR", help="folder of cases (default: the synthetic cohort)")
    parser.add_argument("--config", metavar="FILE", help="TOML file, or the name of one in configs/")
    parser.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="change one value of the config"
    )
    parser.add_argument("--runs", type=Path, default=Path("runs"), metavar="DIR", help="where runs are kept (runs)")
    parser.add_argument("--cache", type=Path, default=Path("cache"), metavar="DIR", help="prepared volumes (cache)")
    parser.add_argument("--devices", metavar="D", help="cpu, cpu:2, gpu, gpu:0,1 (default: all GPUs, else the CPU)")
    parser.add_argument("--seed", type=int, metavar="N", help="seed of everything random (0)")
    parser.add_argument(
        "--jobs", type=int, default=os.cpu_count() or 1, metavar="N", help="cases prepared at a time (all cores)"
    )
    parser.add_argument("--skip-bad-cases", action="store_true", help="leave damaged cases out instead of stopping")
    parser.add_argument("--overwrite", action="store_true", help="delete a run of this name and start anew")


def run(arguments) -> int:
    """Train, evaluate, say where everything is."""
    from segan_tl.config import load_config
    from segan_tl.runs import Run, training_lock

    overrides = list(arguments.set)
    modalities = MODALITIES if arguments.modality == "all" else (arguments.modality,)
    overrides.append(f"data.modalities={list(modalities)}")
    if arguments.seed is not None:
        overrides.append(f"seed={arguments.seed}")
    config = load_config(arguments.config or ("segan_cat" if arguments.data else "quickstart"), overrides)
    this_run = Run(arguments.runs / config.name / arguments.modality)
    with training_lock(this_run):
        return _run(arguments, config, this_run)


def _run(arguments, config, this_run) -> int:
    """Do the work while no other process may."""
    from segan_tl.console import console, start_tensorflow

    finished = not arguments.overwrite and _is_finished(this_run, config)
    if finished and this_run.summary.is_file():
        console.print(
            f"{this_run.root} is trained and scored already: {this_run.summary}; --overwrite starts anew.",
            soft_wrap=True,
        )
        return 0
    start_tensorflow()
    from segan_tl.train.strategy import make_strategy

    strategy = make_strategy(arguments.devices)
    _warn_of_slow_device(arguments)

    # === Data ===
    cohort = _cohort(arguments, config)
    _check_regions(cohort, config)
    cached = _prepare(arguments, config, cohort)
    if arguments.overwrite or not this_run.last.is_dir():
        # Not before the new run is known to have its configuration, devices and data.
        _start_anew(this_run, config)
    split = _split(this_run, config, cohort, cached)
    console.print(
        f"{cohort.folder}: {cohort.layout}, {'synthetic, ' if _is_synthetic(cohort) else ''}"
        + ", ".join(f"{len(split[part])} {part}" for part in split)
        + f" cases; run {this_run.root}",
        soft_wrap=True,
    )

    # === Training ===
    if not finished:
        parts = {part: [cached[case] for case in split[part]] for part in split}
        if not _train(config, cohort, parts, this_run, strategy=strategy):
            console.print("Interrupted and saved. Run the same command again to go on.")
            return EXIT_INTERRUPTED

    # === Evaluation ===
    from segan_tl.report.evaluate import evaluate_run
    from segan_tl.report.figures import plot_curves

    test = [case for case in cohort.cases if case.id in set(split["test"])]
    evaluate_run(this_run, cases=test, config=config)
    plot_curves(this_run)
    console.print(
        f"scores {this_run.metrics}, pictures {this_run.overlays} and {this_run.curves}, model {this_run.best}/\n"
        f"next: python -m segan_tl predict {this_run.root} PATIENT OUT    python -m segan_tl inspect {this_run.root}",
        soft_wrap=True,
    )
    return 0


def _is_finished(this_run, config) -> bool:
    """Compare with the configuration that the run was trained with; return whether its training is complete."""
    from segan_tl.errors import UserError
    from segan_tl.runs import read_json, recover

    for checkpoint in (this_run.last, this_run.best):
        recover(checkpoint)
    if not this_run.last.is_dir():
        return False
    different = sorted(_differences(read_json(this_run.config), json.loads(config.model_dump_json())))
    if different:
        raise UserError(
            f"{this_run.root} was trained with other settings ({'; '.join(different[:3])}); add --overwrite to "
            "train it anew, or --set name=another to keep both"
        )
    return this_run.state.is_file() and read_json(this_run.state)["state"] == "finished"


def _start_anew(this_run, config) -> None:
    """Empty the run directory, but for the lock, and write the configuration."""
    from segan_tl.runs import write_json

    for entry in this_run.root.iterdir():
        if entry.is_dir():
            shutil.rmtree(entry)
        elif entry.name != ".lock":
            entry.unlink()
    write_json(this_run.config, json.loads(config.model_dump_json()))


def _differences(found: dict, wanted: dict, prefix: str = "") -> list[str]:
    lines = []
    for key in found.keys() | wanted.keys():
        old, new = found.get(key), wanted.get(key)
        if isinstance(old, dict) and isinstance(new, dict):
            lines += _differences(old, new, f"{prefix}{key}.")
        elif old != new:
            lines.append(f"{prefix}{key} {old} → {new}")
    return lines


def _cohort(arguments, config):
    """Return the cohort at --data, or the synthetic one, which is written first where it is missing."""
    from segan_tl.console import console
    from segan_tl.data.cases import find_cases

    if arguments.data:
        return find_cases(arguments.data)
    phantom = config.phantom
    shape = "x".join(str(size) for size in phantom.shape)
    folder = arguments.cache / f"phantom-{phantom.cohort}-{phantom.cases}-{shape}-seed{phantom.seed}"
    if not (folder / "cohort.json").is_file():
        from segan_tl.data.phantom import write_cohort

        console.print(f"No --data: making {phantom.cases} synthetic patients in {folder}", soft_wrap=True)
        shutil.rmtree(folder, ignore_errors=True)
        with _bar() as bar:
            task = bar.add_task("synthetic MRI", total=phantom.cases)
            write_cohort(
                folder, phantom.cohort, cases=phantom.cases, shape=phantom.shape, seed=phantom.seed,
                jobs=arguments.jobs, progress=lambda *_: bar.advance(task),
            )  # fmt: skip
    return find_cases(folder)


def _check_regions(cohort, config) -> None:
    """Refuse regions that the cohort's labels cannot tell."""
    from segan_tl.data.layouts import UNKNOWN_CONVENTION
    from segan_tl.errors import UserError
    from segan_tl.regions import convention_regions

    for convention in {case.convention for case in cohort.cases if case.mask is not None} - {UNKNOWN_CONVENTION}:
        known = convention_regions(convention)
        unknown = [region for region in config.data.regions if region not in known]
        if unknown:
            raise UserError(
                f"data.regions asks for {', '.join(unknown)}; the labels of {cohort.folder} ({convention}) tell "
                f"{', '.join(known)}; choose with, for example, --set data.regions=['{known[0]}']"
            )


def _prepare(arguments, config, cohort) -> dict:
    """Return case id → cached case; stop at bad cases unless they may be skipped."""
    from segan_tl.console import console
    from segan_tl.data.cache import prepare_cases
    from segan_tl.errors import UserError

    with _bar() as bar:
        task = bar.add_task("checking and preparing", total=len(cohort.cases))
        cached, problems = prepare_cases(
            cohort.cases, arguments.cache, config=config.data, jobs=arguments.jobs, advance=lambda: bar.advance(task)
        )
    for problem in problems:
        console.print(f"[yellow]{problem.case_id}[/]: {problem.reason}; {problem.remedy}", soft_wrap=True)
    if problems and not arguments.skip_bad_cases:
        bad = sorted({problem.case_id for problem in problems})
        raise UserError(
            f"{len(bad)} of {len(cohort.cases)} cases cannot be used ({', '.join(bad[:5])}); mend them as said above, "
            "or leave them out with --skip-bad-cases"
        )
    return {case.id: case for case in cached}


def _split(this_run, config, cohort, cached) -> dict:
    """Return part → case ids: the run's own split, or a new one of the cases that are sound."""
    from segan_tl.data.splits import split_cases
    from segan_tl.errors import UserError
    from segan_tl.runs import read_json, write_json

    if this_run.splits.is_file():
        split = read_json(this_run.splits)
        missing = sorted({case for part in split.values() for case in part} - set(cached))
        if missing:
            raise UserError(
                f"{this_run.root} was trained on cases that {cohort.folder} lacks now ({', '.join(missing[:5])}); give "
                "the same --data, or add --overwrite"
            )
    else:
        usable = [case for case in cohort.cases if case.id in cached]
        split = split_cases(usable, config.data.split, seed=config.seed)
        write_json(this_run.splits, split)
    return split


def _train(config, cohort, parts, this_run, *, strategy) -> bool:
    """Train; return whether training is complete."""
    from segan_tl.predict.postprocess import binarise
    from segan_tl.predict.segment import segment_slices
    from segan_tl.train.fit import fit

    def segment(model, slices):
        return binarise(segment_slices(model, slices, batch_size=config.predict.batch_size), config.predict)

    data = {
        "folder": str(cohort.folder.resolve()),
        "layout": cohort.layout,
        "cases": {part: len(cases) for part, cases in parts.items()},
        "synthetic": _is_synthetic(cohort),
    }
    return fit(this_run, config, parts, strategy=strategy, segment=segment, data=data)


def _warn_of_slow_device(arguments) -> None:
    """Point a computer without GPU to the configuration that is sized for it."""
    import tensorflow as tf

    from segan_tl.console import console

    if arguments.data and not arguments.config and not tf.config.list_physical_devices("GPU"):
        console.print(
            "[yellow]No GPU:[/] the published configuration takes weeks on a CPU; --config segan_cpu takes "
            "minutes. Ctrl-C saves and stops.",
            soft_wrap=True,
        )


def _is_synthetic(cohort) -> bool:
    return bool(cohort.settings.get("synthetic", False))


def _bar():
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from segan_tl.console import console

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("ETA"),
        TimeRemainingColumn(),
    )
    return Progress(*columns, console=console, transient=True)
