"""The results page of the reproduction of Giacomello 2020: tables, figures, and where the direction differs."""

from pathlib import Path

from segan_tl.disk.atomic import write_text
from segan_tl.papers.findings import finding_sections
from segan_tl.papers.giacomello.figures import plot_learning_curve, plot_variants
from segan_tl.papers.giacomello.findings import find_directions
from segan_tl.papers.giacomello.study import CURVE_SEEDS, CURVES, PAPER, Study, read_matrix
from segan_tl.papers.giacomello.tables import (
    MODALITY_NAMES,
    curve_rows,
    curve_table,
    figure_3,
    table_1,
    table_2,
    table_3,
    votes_table,
)
from segan_tl.papers.runs import describe_runs, is_synthetic, mean
from segan_tl.papers.tables import to_csv, to_markdown
from segan_tl.report.score.owed import is_scored
from segan_tl.runs import read_json, read_parts

TITLE = """# Giacomello, Loiacono, Mainardi 2020, reproduced

*Transfer Brain MRI Tumor Segmentation Models Across Modalities with Adversarial Networks.* Whole tumour; in brackets
the published number: BRATS 2015, 219 training, 27 validation and 28 test patients. SegAN-CAT is called SegAN_IO
there."""
TABLE_1_NOTE = """The published values are Table I's (SegAN: "SegAN (TF2.0)"); the authors' result files give a Dice
of 0.823 for SegAN, 0.704 without Dice loss and 0.857 for SegAN-CAT on the test patients."""
TABLE_3_NOTE = """Full: both networks go on learning. Segmentor only: FLAIR's critic judges and stands still. For
these six transfers the authors' result files have a Dice of 0.483 and 0.570 (T1), 0.537 and 0.546 (T1c), 0.758 and
0.795 (T2) on the test patients, full first."""
FIGURE_3_NOTE = """The paper's text says that T2's model loses "10 percent" on FLAIR; the result files have 0.531 after
0.721."""
VOTES_NOTE = """Not in the paper: the single-modality models of Table II vote, each on its own modality, with every
subset of the modalities. A majority counts heads; weighted votes count the best validation Dice."""
CURVE_NOTE = """Not in the paper: a target from scratch and by transfer with few training patients of the target,
{seeds} seeds (they also draw the patients), fewer steps than above. Mean ± standard deviation over seeds; the last
two columns are the gain over scratch, ± its standard error, paired over test patients with the seeds averaged."""
FINDINGS_NOTE = """The difference is ours, paired over {cases} test patients; a difference below its standard error
means little, and the error does not know that another seed would have trained another network. Both sides of a
comparison have one origin. Transfer against scratch therefore takes the authors' result files: Table III prints
higher values, and we lack the Table II that belongs to them. In these files T1c is the exception behind the paper's
"almost all the target modalities"."""


def write_page(study: Study, *, command: str) -> Path:
    """Write the page, one CSV a table and the figures, from whatever runs are there; return the page's path.

    OUT/findings.md, which a person writes, is included and never touched.

    Args:
        study: where the runs are and where the page goes.
        command: what makes it all, for the page.
    """
    runs = [run for run in study.tables_runs + study.curve_runs if is_scored(run)]
    synthetic = is_synthetic(runs)
    tables = {
        "table1": table_1(study),
        "table2": table_2(study),
        "fig3": figure_3(study),
        "table3": table_3(study),
        "votes": votes_table(study),
        "learning_curve": curve_rows(study),
    }
    for name, table in tables.items():
        to_csv(table, study.out / f"{name}.csv")
    page = study.out / f"{PAPER}.md"
    sections = [
        TITLE,
        _facts(study, runs, command=command),
        *_paper_sections(study, tables, synthetic=synthetic),
        *_own_sections(study, tables, synthetic=synthetic),
        *_finding_sections(study),
    ]
    write_text(page, "\n\n".join(sections) + "\n")
    return page


def _facts(study: Study, runs: list, *, command: str) -> str:
    """Return where the numbers come from: data, scale, seed, versions, time, command."""
    split = next((read_parts(run) for run in study.tables_runs if is_scored(run)), {})
    seed = read_json(runs[0].state).get("seed", "?") if runs else 0
    curve_seeds = ", ".join(map(str, CURVE_SEEDS))
    facts = describe_runs(
        runs, total=len(study.tables_runs) + len(study.curve_runs), split=split,
        scale=f"{study.scale}; seed of initialisation: {seed} (the learning curve: {curve_seeds})",
    )  # fmt: skip
    return f"{facts}\n\n      {command}"


def _paper_sections(study: Study, tables: dict, *, synthetic: bool) -> list[str]:
    sections = ["## Table I: four modalities", to_markdown(tables["table1"]), TABLE_1_NOTE]
    sections.append("## Fig. 2: validation Dice while learning")
    drawn = plot_variants(study, study.out / "fig2.png", synthetic=synthetic)
    sections.append("![Validation Dice over epochs](fig2.png)" if drawn else "–")
    sections.append("The paper draws the Dice loss of its validation patients; here the score: higher is better.")
    sections += ["## Table II: one modality", to_markdown(tables["table2"])]
    sections += ["## Fig. 3: every model on every modality, no fine-tuning", to_markdown(tables["fig3"]), FIGURE_3_NOTE]
    if (study.matrix / "matrix.png").is_file():
        sections.append(f"![Dice of every model on every modality]({study.matrix.name}/matrix.png)")
    return [*sections, "## Table III: from FLAIR to the other modalities", to_markdown(tables["table3"]), TABLE_3_NOTE]


def _own_sections(study: Study, tables: dict, *, synthetic: bool) -> list[str]:
    sections = ["## Votes: when some modalities are missing", VOTES_NOTE]
    sections.append(to_markdown(tables["votes"]) if tables["votes"].rows else "–")
    if (study.matrix / "votes.png").is_file():
        sections.append(f"![Dice by number of modalities]({study.matrix.name}/votes.png)")
    sections += ["## Learning curve: when data is scarce", CURVE_NOTE.format(seeds=len(CURVE_SEEDS))]
    for curve in study.curves:
        source, target = CURVES[curve]
        untouched = mean(read_matrix(study).get((source, target), {}))
        heading = f"### From {MODALITY_NAMES[source]} to {MODALITY_NAMES[target]}"
        sections += [heading, to_markdown(curve_table(study, curve))]
        picture = f"learning_curve_{curve}.png"
        if plot_learning_curve(study, study.out / picture, curve=curve, untouched=untouched, synthetic=synthetic):
            sections.append(f"![Test Dice over training cases]({picture})")
    return sections


def _finding_sections(study: Study) -> list[str]:
    findings = find_directions(study)
    cases = max((found.difference.cases for found in findings if found.difference), default=0)
    return finding_sections(findings, note=FINDINGS_NOTE.format(cases=cases or "the"), out=study.out)
