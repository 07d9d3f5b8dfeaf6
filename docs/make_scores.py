"""Write the table of docs/scores.md: every score, as segan_tl/metrics/columns.py has it.

    python docs/make_scores.py
"""

from pathlib import Path

from segan_tl.metrics.columns import COLUMNS, column_of

PAGE = Path(__file__).with_name("scores.md")
START, END = "<!-- scores: made by docs/make_scores.py -->", "<!-- end of scores -->"
WAYS = {1: "higher", -1: "lower", None: "–"}


def write(page: str) -> str:
    """Return the text of the page with the table between its markers made anew."""
    before, rest = page.split(START)
    return f"{before}{START}\n\n{table()}\n\n{END}{rest.split(END)[1]}"


def table() -> str:
    """Return the table of scores; one whose name depends on a value is shown for the value that is usual."""
    lines = ["| column | score | unit | better | what it is |", "|---|---|---|---|---|"]
    for column in COLUMNS:
        one = column_of("surface_dice_1mm") if "{" in column.name else column
        definition = one.definition.replace("|", "\\|")
        lines.append(f"| `{one.name}` | {one.title} | {one.unit} | {WAYS[one.better]} | {definition} |")
    return "\n".join(lines)


if __name__ == "__main__":
    PAGE.write_text(write(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
