"""The results of a learning curve: its tables, its picture and its page, from whatever cells are there."""

from pathlib import Path

from segan_tl.workflow.curve import Curve

WRITTEN = ("README.md", "scores.csv", "gains.csv", "curve.png")


def write_results(curve: Curve, out: Path, *, command: str) -> int:
    """Write and print what the cells that are there say; return 2 where none is."""
    from segan_tl.console import console
    from segan_tl.report.compare.curve import gather, write_gains, write_scores
    from segan_tl.report.compare.curve_page import plot_curve, print_answers, write_page
    from segan_tl.report.score.owed import is_scored
    from segan_tl.runs import read_json

    cells = list(curve.cells())
    there = [cell for cell in cells if is_scored(cell.run)]
    answers = gather(there, starts=[start.label for start in curve.starts], cases=curve.cases)
    if not there:
        console.print(f"none of {len(cells)} cells is trained and scored yet")
        return 2
    write_scores(out / "scores.csv", answers)
    write_gains(out / "gains.csv", answers)
    synthetic = bool(read_json(there[0].run.state).get("data", {}).get("synthetic"))
    where = curve.data.resolve().name if curve.data else "synthetic patients"
    title = f"{curve.target} of {where}: which start, with so many cases?"
    plot_curve(answers, out / "curve.png", title=title, synthetic=synthetic)
    untouched = _untouched(there)
    lacking = f"{len(cells) - len(there)} of {len(cells)} cells are not there" if len(there) < len(cells) else ""
    write_page(
        out / "README.md", answers, title=title, facts=_facts(curve, there, command), untouched=untouched,
        picture="curve.png", lacking=lacking,
    )  # fmt: skip
    print_answers(answers, untouched)
    console.print(f"{lacking + '; ' if lacking else ''}page {out / 'README.md'}", soft_wrap=True)
    return 0


def _untouched(cells: list) -> dict[str, dict[str, float]]:
    """Return region → start → mean Dice of the source on the target, before any training there."""
    from statistics import fmean

    from segan_tl.runs import read_json

    found: dict[str, dict[str, dict[int, float]]] = {}
    for cell in cells:
        if cell.run.comparison.is_file():
            for region, scores in read_json(cell.run.comparison)["regions"].items():
                if scores["source"] is not None:
                    found.setdefault(region, {}).setdefault(cell.start.label, {})[cell.division] = scores["source"]
    return {
        region: {start: fmean(values.values()) for start, values in starts.items()} for region, starts in found.items()
    }


def _facts(curve: Curve, cells: list, command: str) -> list[str]:
    from segan_tl.runs import read_json
    from segan_tl.schemas.runs import Splits

    splits = [read_json(path, Splits) for path in curve.divisions if path.is_file()]
    parts = "; ".join(", ".join(f"{len(cases)} {part}" for part, cases in split.items()) for split in splits)
    settings = " ".join(curve.settings) or "none"
    seeds = ", ".join(map(str, curve.seeds))
    return [
        f"patients, a division each: {parts}",
        f"configuration `{curve.config}`, changed: `{settings}`; {_length(cells[0].run)}",
        f"seeds {seeds}; starts: " + "; ".join(
            f"{start.label} ({start.origin}, {start.strategy}{', ' * bool(start.settings)}{', '.join(start.settings)})"
            for start in curve.starts
        ),
        f"`{command}`",
    ]  # fmt: skip


def _length(run) -> str:
    """Return how long a run was trained."""
    from segan_tl.runs import read_json

    train = read_json(run.config)["train"]
    return f"{train['epochs']} epochs of {train['steps_per_epoch'] or 'as many steps as cases'}"
