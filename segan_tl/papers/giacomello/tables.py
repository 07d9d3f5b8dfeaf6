"""The tables of the reproduction of Giacomello 2020: every number beside the published one."""

import statistics
from pathlib import Path

from segan_tl.papers.giacomello.study import (
    MODALITY_NAMES,
    REGION,
    SCORES,
    SOURCE,
    STRATEGIES,
    STRATEGY_NAMES,
    TARGETS,
    VARIANT_NAMES,
    Study,
    read_matrix,
)
from segan_tl.papers.published import read_published
from segan_tl.papers.runs import mean, read_rows, read_scores
from segan_tl.papers.tables import Cell, Table, beside_published, number
from segan_tl.runs import read_json

NUMBERS = Path(__file__).with_name("published.toml")
HEADINGS = {score: score for score in SCORES}


# === The paper's tables ===


def table_1(study: Study) -> Table:
    """Return Table I: three networks on four modalities; the result files stand in for the one that it lacks."""
    def ours(variant, score):
        return Cell(mean(read_scores(study.variants[variant], score)))

    table, files = (read_published(NUMBERS)[name] for name in ("table1", "table1_files"))
    published = table._replace(rows=files.rows | table.rows)
    return beside_published("model", VARIANT_NAMES, HEADINGS, ours=ours, published=published)


def table_2(study: Study) -> Table:
    """Return Table II: SegAN-CAT on one modality."""
    def ours(modality, score):
        return Cell(mean(read_scores(study.single(modality), score)))

    published = read_published(NUMBERS)["table2"]
    rows = {modality: MODALITY_NAMES[modality] for modality in published.rows}
    return beside_published("modality", rows, HEADINGS, ours=ours, published=published)


def figure_3(study: Study) -> Table:
    """Return the numbers of Fig. 3: trained on down, applied to across."""
    cells = read_matrix(study)

    def ours(trained_on, seen):
        return Cell(mean(cells.get((trained_on, seen), {})))

    columns = {modality: f"on {name}" for modality, name in MODALITY_NAMES.items()}
    published = read_published(NUMBERS)["fig3"]
    return beside_published("trained on", MODALITY_NAMES, columns, ours=ours, published=published)


def table_3(study: Study) -> Table:
    """Return Table III: from FLAIR to the target, beside the target from scratch and FLAIR's model untouched."""
    published = read_published(NUMBERS)
    rows = []
    for target in TARGETS:
        scratch = Cell(mean(read_scores(study.single(target))), published["table2"].rows[target]["dice"])
        untouched = Cell(_untouched(study, target), published["fig3"].rows[SOURCE][target])
        for strategy in STRATEGIES:
            run, theirs = study.transfer(target, strategy), published["table3"].rows[f"{target}-{strategy}"]
            cells = (Cell(mean(read_scores(run, score)), theirs[score]) for score in SCORES)
            rows.append((MODALITY_NAMES[target], STRATEGY_NAMES[strategy], *cells, scratch, untouched))
    headings = ("target", "fine tuning", *SCORES, "target from scratch: dice", "FLAIR's model untouched: dice")
    return Table(headings, rows)


def _untouched(study: Study, target: str) -> float | None:
    """Return the Dice of FLAIR's model on another modality: from the matrix, else from the transfers themselves."""
    if scores := read_matrix(study).get(("flair", target)):
        return mean(scores)
    for strategy in STRATEGIES:
        run = study.transfer(target, strategy)
        if run.comparison.is_file():
            return read_json(run.comparison)["regions"][REGION]["source"]
    return None


# === What the paper does not have ===


def votes_table(study: Study) -> Table:
    """Return the Dice by number of modalities available: mean over the subsets, the worst and the best of them."""
    found = {}
    for row in read_rows(study.matrix / "votes.csv", ("modalities", "rule", "region"), ("number", "dice")):
        if row["region"] == REGION:
            found.setdefault(int(row["number"]), {}).setdefault(row["rule"], []).append(
                (float(row["dice"]), row["modalities"])
            )
    rows = []
    for available, rules in sorted(found.items()):
        for rule, subsets in sorted(rules.items()):
            if available == 1 and rule != min(rules):
                continue  # a single model's vote is its own mask by either rule
            values = [dice for dice, _ in subsets]
            ends = tuple(f"{number(dice)} {names}" for dice, names in (max(subsets), min(subsets)))
            rule_name = "alone" if available == 1 else rule
            rows.append((str(available), rule_name, str(len(subsets)), number(statistics.fmean(values)), *ends))
    return Table(("modalities available", "vote", "subsets", "mean dice", "best subset", "worst subset"), rows)
