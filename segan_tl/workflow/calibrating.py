"""What `calibrate` does: segment, fit, hold what comes of it against cases that fitted nothing, and write it."""

from segan_tl.console import case_progress, console, print_table

SHOWN = {"calibration_error": "ECE", "brier": "Brier"}


def calibrate_run(judged, tests) -> dict:
    """Fit a run's temperatures on its validation cases and judge them on its test cases; write both beside it.

    Args:
        judged: `Judged` of the validation cases.
        tests: its test cases.

    Returns:
        What calibration.json holds.

    Raises:
        UserError: a case cannot be used.
        CannotWrite: the disk is full.
    """
    from segan_tl.report.score.calibration import describe, fit, hold
    from segan_tl.report.score.reliability import plot_reliability

    member, regions = judged.member, judged.member.config.data.regions
    network, digest = _load(member)
    with case_progress("segmenting", total=len(judged.cases) + len(tests)) as advance:
        kept = list(_voxels(network, judged.cases, member.config, advance=advance, keep=True))
        temperatures = fit(kept, member.config)
        own = hold(((case, temperatures) for case in kept), regions)
        others = _voxels(network, tests, member.config, advance=advance, keep=False)
        held = hold(((case, temperatures) for case in others), regions)
    about = _about(member, temperatures, digest) | {
        "fitted_to": "validation cases", "cases": _names(judged.cases),
        "scores": {"validation": describe(own), "test": describe(held)},
    }  # fmt: skip
    title = f"{member.name}: {len(tests)} test case{'s' * (len(tests) > 1)}, which fitted nothing"
    plot_reliability(held, member.run.reliability, title=title, synthetic=member.synthetic)
    _write(member.run.calibration, about)
    _print(about, "test", f"test cases, which trained, chose and fitted nothing: {len(tests)}")
    if len(alone := {*judged.patients.values()}) == 1:
        console.print(
            f"note: {alone.pop()} alone fitted this, and one patient's temperature is no temperature for others; "
            "validate with more patients (data.split), or calibrate a cross-validation, where all of them fit",
            style="yellow", soft_wrap=True,
        )  # fmt: skip
    return about


def calibrate_folds(folds, folder) -> dict:
    """Fit one set of temperatures to the test cases of all folds, and judge each fold by those of the other folds.

    Args:
        folds: number → `Judged`.
        folder: of the cross-validation.

    Returns:
        What calibration.json holds: of every fold the same but for its network.

    Raises:
        UserError, CannotWrite: as `calibrate_run`.
    """
    from segan_tl.report.score.calibration import describe, fit, hold
    from segan_tl.report.score.reliability import plot_reliability
    from segan_tl.runs import run_name

    first = next(iter(folds.values())).member
    regions, kept, digests = first.config.data.regions, {}, {}
    with case_progress("segmenting", total=sum(len(fold.cases) for fold in folds.values())) as advance:
        for number, fold in folds.items():
            network, digests[number] = _load(fold.member)
            kept[number] = list(_voxels(network, fold.cases, fold.member.config, advance=advance, keep=True))
    every = [case for cases in kept.values() for case in cases]
    temperatures = fit(every, first.config)
    others = {
        number: fit([case for other, cases in kept.items() if other != number for case in cases], first.config)
        for number in kept
    }
    held = hold(((case, others[number]) for number, cases in kept.items() for case in cases), regions)
    about = {
        "fitted_to": f"test cases of {len(folds)} folds", "cases": _names(*(fold.cases for fold in folds.values())),
        "scores": {"other folds": describe(held)},
    }  # fmt: skip
    title = f"{run_name(folder)}: each fold calibrated by the other folds"
    for number, fold in folds.items():
        plot_reliability(held, fold.member.run.reliability, title=title, synthetic=first.synthetic)
        found = _about(fold.member, temperatures, digests[number]) | about
        _write(fold.member.run.calibration, found)
    _print(found, "other folds", f"test cases, each calibrated by the other folds: {len(every)}")
    return found


def _load(member):
    """Return the network of a run, and the sha256 of its file."""
    from segan_tl.predict.network import as_network
    from segan_tl.predict.segment import load_member

    model, digest = load_member(member)
    return as_network(model), digest


def _voxels(network, cases, config, *, advance, keep: bool):
    """Yield the voxels of the brain of each case; `keep` those of all cases at once, no more of each than fit."""
    from segan_tl.report.score.calibration import KEPT, brain_voxels

    for number, case in enumerate(cases):
        found = brain_voxels(network, case, config, most=KEPT if keep else None, seed=number)
        advance(f"{case.id}  {len(found.truth)} voxels")
        yield found


def _names(*parts) -> list[str]:
    return sorted(case.id for cases in parts for case in cases)


def _about(member, temperatures, digest: str) -> dict:
    """Return what `predict` reads, and what it was made with."""
    from segan_tl import __version__
    from segan_tl.report.score.calibration import BAND_MM

    about = temperatures.describe(member.config, digest)
    return about | {"border_mm": BAND_MM, "synthetic": member.synthetic, "segan_tl": __version__}


def _write(path, about: dict) -> None:
    from segan_tl.disk.atomic import write_json

    write_json(path, about)


def _print(about: dict, part: str, title: str) -> None:
    """Print the temperatures, and the scores of a part before and after."""
    from rich.table import Table

    from segan_tl.metrics.calibration import FLATTEST, SHARPEST

    table = Table()
    for heading in ("region", "T", "over", *SHOWN.values()):
        table.add_column(heading, justify="left" if heading in ("region", "over") else "right")
    for region, of_place in about["scores"][part].items():
        for place, found in of_place.items():
            pairs = [[found[name][when] for when in ("before", "after")] for name in SHOWN]
            texts = [" → ".join("–" if cell is None else f"{cell:.4f}" for cell in pair) for pair in pairs]
            table.add_row(region, f"{about['temperatures'][region]:.3f}", place, *texts)
    console.print(title, soft_wrap=True)
    print_table(table)
    console.print(f"before → after; border: within {about['border_mm']:g} mm of the truth's", soft_wrap=True)
    for region, value in about["temperatures"].items():
        if value in (SHARPEST, FLATTEST):
            console.print(
                f"note: {region}: T = {value:g} is the end of what is looked at: too few voxels are wrong to tell more",
                soft_wrap=True,
            )
