"""The matrix and the votes in the terminal."""

from collections.abc import Sequence

from rich.table import Table
from rich.text import Text

from segan_tl.console import console, print_table
from segan_tl.predict.vote import RULES
from segan_tl.report.compare.matrix import Available
from segan_tl.report.compare.subsets import MEAN
from segan_tl.report.figures import SYNTHETIC


def print_matrix(cells: Sequence[dict], *, on: str, synthetic: bool) -> None:
    """Print mean Dice, trained on down and applied to across; a model's own modality in brackets."""
    modalities = list(dict.fromkeys(cell["modality"] for cell in cells))
    for region in dict.fromkeys(cell["region"] for cell in cells):
        _print_title(f"Dice of {region}, mean of {on}, no fine-tuning, [own modality]", synthetic)
        table = Table()
        table.add_column("trained on", no_wrap=True)
        table.add_column("run", no_wrap=True)
        for modality in modalities:
            table.add_column(f"on {modality}", justify="right")
        rows = {}
        for cell in cells:
            if cell["region"] == region:
                own = cell["modality"] == cell["trained_on"]
                text = Text(f"[{cell['dice']:.3f}]", style="bold") if own else f"{cell['dice']:.3f} "
                rows.setdefault((cell["trained_on"], cell["run"]), {})[cell["modality"]] = text
        for (trained_on, run), texts in rows.items():
            table.add_row(trained_on, run, *(texts[modality] for modality in modalities))
        print_table(table)


def print_votes(available: Sequence[Available], *, synthetic: bool) -> None:
    """Print what can be expected of one, two, … modalities, whichever of them a patient has."""
    for region in dict.fromkeys(row.region for row in available):
        _print_title(f"Dice of {region} by number of modalities available", synthetic)
        table = Table()
        table.add_column("number", justify="right")
        table.add_column("vote")
        table.add_column("mean over subsets", justify="right")
        table.add_column("best subset", no_wrap=True)
        table.add_column("worst subset", no_wrap=True)
        found = sorted((row for row in available if row.region == region), key=lambda row: (row.number, row.rule))
        for row in found:
            if row.number == 1 and row.rule != found[0].rule:
                continue  # one model alone gives its own mask by either rule
            rule = "alone" if row.number == 1 else row.rule
            ends = [f"{end['dice']:.3f} {end['modalities']}" for end in (row.best, row.worst)]
            table.add_row(str(row.number), rule, f"{row.mean:.3f}", *ends)
        print_table(table)


def print_subsets(rows: Sequence[dict], *, on: str, synthetic: bool) -> None:
    """Print the mean Dice of every subset of modalities, and of all of them: of one rule by region, else rule by rule.

    Args:
        rows: summarised, keys SUBSET, the means of all subsets last.
    """
    rules = list(dict.fromkeys(row["rule"] for row in rows))
    regions = list(dict.fromkeys(row["region"] for row in rows))
    if len(rules) == 1:
        title = f"Dice of {rules[0]} by modalities available, mean of {on}"
        _print_subsets(rows, "region", regions, title=title, synthetic=synthetic)
        return
    for region in regions:
        mine = [row for row in rows if row["region"] == region]
        title = f"Dice of {region} by modalities available, mean of {on}"
        _print_subsets(mine, "rule", rules, title=title, synthetic=synthetic)


def print_costs(costs: Sequence[dict]) -> None:
    """Print how many networks and parameters each way needs, and its seconds for a patient who has all modalities."""
    table = Table()
    table.add_column("what it takes")
    for column in ("networks", "parameters", "seconds a case, all modalities"):
        table.add_column(column, justify="right")
    for row in costs:
        seconds = "–" if row["seconds_per_case"] is None else f"{row['seconds_per_case']:.2f}"
        table.add_row(row["rule"], str(row["networks"]), f"{row['parameters']:,}", seconds)
    print_table(table)


def _print_subsets(rows: Sequence[dict], across: str, columns: Sequence[str], *, title: str, synthetic: bool) -> None:
    _print_title(title, synthetic)
    table = Table()
    table.add_column("modalities", no_wrap=True)
    for column in columns:
        table.add_column(f"{column} vote" if column in RULES else column, justify="right")
    down = dict.fromkeys(row["modalities"] for row in rows)
    found = {(row["modalities"], row[across]): row["dice"] for row in rows}
    for names in down:
        if names == MEAN:
            table.add_section()
        values = (found.get((names, column)) for column in columns)
        table.add_row(names, *("–" if value is None else f"{value:.3f}" for value in values))
    print_table(table)


def _print_title(text: str, synthetic: bool) -> None:
    # Not the table's own title, which is folded to the width of the table.
    console.print(f"\n{text}: {SYNTHETIC}" if synthetic else f"\n{text}", style="bold", markup=False, soft_wrap=True)
