"""The page of a learning curve: one table, one picture with intervals, and the answer in words."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.table import Table

from segan_tl.disk.atomic import write_text
from segan_tl.report.compare.curve import Answers, Gain, verdicts
from segan_tl.report.curves import COLOURS

ABSENT = "–"
LEGEND = (
    "Means over test patients (of each, the mean of its seeds and divisions). Below: the start minus scratch, each "
    "patient against itself, with the 95 % bootstrap interval over patients. Untouched: the source on the target "
    "before any training there. The gains' file has Wilcoxon's p, too, and Holm's correction."
)


def table_of(answers: Answers, region: str, untouched: Mapping[str, float]) -> tuple[list[str], list[list[str]]]:
    """Return headings and rows: a start a row, its Dice by number of cases, and its gain over scratch below."""
    headings = ["start", "untouched", *(f"{cases or 'all'} case{'s' * (cases != 1)}" for cases in answers.cases)]
    gains = {(gain.start, gain.cases): gain for gain in answers.gains(region)}
    rows = []
    for start in answers.starts:
        cells = [answers.mean(start, cases, region) for cases in answers.cases]
        means = [ABSENT if cell.mean is None else f"{cell.mean:.3f}" for cell in cells]
        zero = f"{untouched[start]:.3f}" if start in untouched else ABSENT
        rows.append([start, zero, *means])
        if start != answers.starts[0]:
            rows.append(["− scratch", "", *(_gain(gains.get((start, cases))) for cases in answers.cases)])
    return headings, rows


def _gain(gain: Gain | None) -> str:
    if gain is None or gain.found.difference.mean is None:
        return ABSENT
    mean, low, high, _ = gain.found.difference
    return f"{mean:+.3f}" + ("" if low is None else f" [{low:+.3f}, {high:+.3f}]")


def write_table(answers: Answers, region: str, untouched: Mapping[str, float]) -> str:
    """Return the table as Markdown."""
    headings, rows = table_of(answers, region, untouched)
    return "\n".join(f"| {' | '.join(line)} |" for line in (headings, ["---"] * len(headings), *rows))


def write_verdicts(answers: Answers, untouched: Mapping[str, Mapping[str, float]]) -> str:
    """Return the sentences of the first region, or of the mean, as a list in Markdown."""
    sentences = (verdicts(answers, region, untouched.get(region)) for region in answers.regions[:1])
    return "\n".join(f"- {sentence}" for each in sentences for sentence in each)


def print_answers(answers: Answers, untouched: Mapping[str, Mapping[str, float]]) -> None:
    """Print the table of every region, and the sentences."""
    from segan_tl.console import console, print_table

    for region in answers.regions:
        headings, rows = table_of(answers, region, untouched.get(region, {}))
        table = Table(title=f"test Dice, {region}", title_justify="left")
        for place, heading in enumerate(headings):
            table.add_column(heading, justify="left" if place == 0 else "right", no_wrap=True)
        for row in rows:
            table.add_row(*row, style="dim" if row[0] == "− scratch" else None)
        print_table(table)
        for sentence in verdicts(answers, region, untouched.get(region)):
            console.print(f"  {region}: {sentence}", markup=False, soft_wrap=True)


def write_page(
    path: Path, answers: Answers, *, title: str, facts: Sequence[str], untouched: Mapping, picture: str, lacking: str
) -> None:
    """Write the page as Markdown.

    Args:
        path: of the page.
        answers: what the cells scored.
        title: of the page.
        facts: lines about data, patients, length and command.
        untouched: region → start → mean Dice of its source on the target, before any training there.
        picture: file name.
        lacking: what is not there yet, "" where all is.
    """
    parts = [f"# {title}", *([f"**Incomplete: {lacking}.**"] if lacking else [])]
    parts += [write_verdicts(answers, untouched), f"![Test Dice by number of training cases]({picture})"]
    for region in answers.regions:
        parts.append(f"## {region}\n\n{write_table(answers, region, untouched.get(region, {}))}")
    parts.append(f"{LEGEND} Every number: `scores.csv`, `gains.csv`.")
    parts.append("## How it was made\n\n" + "\n".join(f"- {fact}" for fact in facts))
    write_text(path, "\n\n".join(filter(None, parts)) + "\n")


def plot_curve(
    answers: Answers, path: Path, *, untouched: Mapping[str, Mapping[str, float]], title: str, synthetic: bool
) -> None:
    """Draw test Dice over training cases, a panel a region: mean over patients, its interval, every seed as a point.

    A dashed line across is the source of the start in its colour, before any training.
    """
    from matplotlib.figure import Figure

    from segan_tl.report.axes import lighten, save

    regions = answers.regions
    rows = 2 if len(regions) == 4 else 1  # three regions and their mean
    columns = len(regions) // rows
    figure = Figure(figsize=(5.2 * columns + 1.2, 4.2 * rows + 0.4), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False, sharey=True)
    for axis, region in zip(axes.flat, regions):
        for place, start in enumerate(answers.starts):
            _draw(axis, answers, start, region, place=place)
            if start in untouched.get(region, {}):
                # Of two starts from one source the dashes take turns.
                axis.axhline(untouched[region][start], color=_colour(place), linewidth=1, linestyle=(4 * place, (4, 4)))
        axis.set_xticks(range(len(answers.cases)), [str(cases or "all") for cases in answers.cases])
        axis.set(xlabel="training cases", title=region, ylim=(0, 1), xlim=(-0.5, len(answers.cases) - 0.5))
        lighten(axis)
    for axis in axes[:, 0]:
        axis.set_ylabel("test Dice")
    if any(untouched.get(region) for region in regions):
        axes[0, 0].plot([], [], color=COLOURS[-1], linewidth=1, linestyle="--", label="untouched source")
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, frameon=False, fontsize=9, loc="outside lower center", ncols=4)
    save(figure, path, title=title, synthetic=synthetic)


def _colour(place: int) -> str:
    """Return the colour of a start by its place; scratch, the first, is grey."""
    return COLOURS[-1] if place == 0 else COLOURS[(place - 1) % (len(COLOURS) - 1)]


def _draw(axis, answers: Answers, start: str, region: str, *, place: int) -> None:
    colour = _colour(place)
    shift = 0.5 * ((place + 0.5) / len(answers.starts) - 0.5)  # side by side: intervals do not hide one another
    found = [(i + shift, answers.mean(start, cases, region)) for i, cases in enumerate(answers.cases)]
    found = [(x, estimate) for x, estimate in found if estimate.mean is not None]
    if not found:
        return
    places, means = [x for x, _ in found], [estimate.mean for _, estimate in found]
    axis.plot(places, means, color=colour, marker="s" if place == 0 else "o", markersize=5, label=start)
    for x, estimate in found:
        if estimate.low is not None:
            axis.plot([x, x], [estimate.low, estimate.high], color=colour, linewidth=1, alpha=0.7)
    for i, cases in enumerate(answers.cases):
        seeds = list(answers.means_of_seeds(start, cases, region).values())
        axis.scatter([i + shift] * len(seeds), seeds, color=colour, s=12, alpha=0.45, linewidths=0, zorder=3)
