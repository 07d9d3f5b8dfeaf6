"""The results page of the reproduction of Heras Rivera 2024: Table 2, its t-tests, and where the direction differs."""

from pathlib import Path

from segan_tl.disk.atomic import write_text
from segan_tl.papers.findings import finding_sections
from segan_tl.papers.heras.figures import domain_accuracy, plot_domain_accuracy
from segan_tl.papers.heras.study import (
    ADVERSARIAL,
    APPROACHES,
    BASELINE,
    DICE,
    HD95,
    PAPER,
    Study,
    has_baseline,
)
from segan_tl.papers.heras.tables import (
    compare_approaches,
    domain_table,
    find_directions,
    p_table,
    patients_table,
    source_table,
    table_2,
)
from segan_tl.papers.runs import (
    count_parts,
    describe_length,
    describe_runs,
    describe_seeds,
    incomplete,
    is_scored,
    is_synthetic,
    read_split,
)
from segan_tl.papers.tables import to_csv, to_markdown
from segan_tl.runs import read_json

TITLE = """# Heras Rivera, Rebala, Ren, Sharma, Kurt 2024, reproduced

*Improving Glioma Segmentation in Low-Resolution Domains with Transfer Learning.* Six ways to the patients of other
scanners with a 3-D U-Net; in brackets the published number: BraTS 2023, from 1126 patients of 3 T scanners (adult
glioma) to 95 of 1.5 T scanners (Sub-Saharan Africa), ten folds."""
TABLE_NOTE = """Mean over the target's patients, each tested once, by the network of the fold that did not see it; the
average is that of a patient's three regions. The best of ours in a column is bold. The baseline is one network,
trained on the source alone, and tests all of the target's patients. The paper calls it Baseline (BraTS23 Adult
Glioma). Trainings are not equally long (above): fine-tuning comes on top of the baseline's own."""
HD95_NOTE = """95th percentile, surface-weighted; a region that is missed or invented counts 374 mm, so that one such
patient moves a mean by many millimetres. The paper does not say what its HD95 counts there."""
TESTS_NOTE = """First minus second, the average over a patient's regions, over the patients that both have tested;
bootstrap interval. p: two-sided, of the paired t-test over patients, as the paper's; it does not say whether it pairs
patients or folds. Holm: corrected for the {tests} comparisons of this table. In the paper "all of the transfer learning
methods significantly outperform the baseline method", without a p."""
PAPER_NOTE = """The paper's text and its Table 2 do not agree on one point: the text calls DANN's average HD95 superior
to that of combined training (p = 0.0236); in the table it is the larger one (3.374 and 3.045 mm). The direction below
is that of the table."""
DOMAIN_NOTE = """The share of the training examples whose scanner the classifier tells, balanced over the two; 0.5 is
chance, and what a classifier that has learnt nothing has, too: what reversal hides is the distance between the two
curves. The classifier sees the output of {layer}. Not in the paper."""
FINDINGS_NOTE = """The difference is ours, paired over the patients of all folds; a difference below its standard error
means little, and the error does not know that another seed would have trained other networks."""


def write_page(study: Study, *, command: str) -> Path:
    """Write the page, one CSV a table and the figure, from whatever runs are there; return the page's path.

    OUT/findings.md, which a person writes, is included and never touched.

    Args:
        study: where the runs are and where the page goes.
        command: what makes it all, for the page.
    """
    runs = [run for run in (study.baseline, *study.fold_runs) if is_scored(run)]
    curves = domain_accuracy(study)
    tables = {
        "table2_dice": table_2(study, DICE),
        "table2_hd95": table_2(study, HD95),
        "tests": p_table(study),
        "source": source_table(study),
        "patients": patients_table(study),
        "domain_accuracy": domain_table(study, curves),
    }
    for name, table in tables.items():
        to_csv(table, study.out / f"{name}.csv")
    picture = "domain_accuracy.png"
    drawn = plot_domain_accuracy(curves, study.out / picture, synthetic=is_synthetic(runs))
    sections = [
        TITLE,
        *incomplete(_missing(study)),
        _facts(study, runs, command=command),
        "## Table 2: Dice",
        to_markdown(tables["table2_dice"]),
        TABLE_NOTE,
        "## Table 2: HD95 in mm",
        to_markdown(tables["table2_hd95"]),
        HD95_NOTE,
        "## Paired t-tests",
        to_markdown(tables["tests"]),
        TESTS_NOTE.format(tests=sum(one is not None for one in compare_approaches(study))),
        PAPER_NOTE,
        "## The baseline at home and abroad",
        to_markdown(tables["source"]),
        "## Can the scanner be told?",
        f"![Accuracy of the domain classifier over epochs]({picture})" if drawn else "–",
        DOMAIN_NOTE.format(layer=_place_of_classifier(study)),
        *finding_sections(find_directions(study), note=FINDINGS_NOTE, out=study.out),
    ]
    page = study.out / f"{PAPER}.md"
    write_text(page, "\n\n".join(sections) + "\n")
    return page


def _missing(study: Study) -> list[str]:
    """Return which approaches lack something, and how much of it."""
    names = [] if has_baseline(study) else [APPROACHES[BASELINE]]
    for approach, name in APPROACHES.items():
        lacking = 0 if approach == BASELINE else study.folds - len(study.scored(approach))
        if lacking:
            names.append(f"{name} ({lacking} of {study.folds} folds)")
    return names


def _facts(study: Study, runs: list, *, command: str) -> str:
    """Return where the numbers come from: data, scale, seed, lengths, versions, time, command."""
    own = read_split(study.baseline)
    fold = next((read_split(run) for run in study.fold_runs if is_scored(run)), {})
    parts = count_parts({part: cases for part, cases in fold.items() if part != "source"})
    facts = describe_runs(
        runs, total=1 + len(study.fold_runs), split=own,
        scale=f"{study.scale}; {study.folds} folds of the target; seed {describe_seeds(runs)}",
        more=(
            f"source `{study.source}`: {count_parts(own)} for the baseline, all of it trains where both cohorts do; "
            f"target `{study.target}`, a fold: {parts}",
            f"length: {_lengths(study)}",
        ),
    )  # fmt: skip
    return f"{facts}\n\n      {command}"


def _place_of_classifier(study: Study) -> str:
    """Return whose output the classifier sees, in words."""
    run = next((run for approach in ADVERSARIAL for run in study.scored(approach).values()), None)
    layer = run and (read_json(run.config).get("adversary") or {}).get("layer")
    place = "the decoder's first upsampling"
    return f"`{layer}`; the paper's that of {place}" if layer else f"{place}, as in the paper"


def _lengths(study: Study) -> str:
    """Return how long the approaches train."""
    folds = {approach: [study.fold(approach, number) for number in range(study.folds)] for approach in APPROACHES}
    runs = folds | {BASELINE: [study.baseline]}
    return "; ".join(f"{name} {describe_length(runs[approach])}" for approach, name in APPROACHES.items())
