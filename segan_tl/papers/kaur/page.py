"""The results page of the reproduction of Kaur 2019: pretraining, the curve, and where the direction differs."""

from pathlib import Path

from segan_tl.disk.atomic import write_text
from segan_tl.papers.findings import finding_sections
from segan_tl.papers.kaur.figures import plot_curve
from segan_tl.papers.kaur.study import FOLDS, PAPER, PLAIN, STARTS, Study, has_auc
from segan_tl.papers.kaur.tables import curve_table, find_directions, points_table, pretraining_table, runs_table
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

TITLE = """# Kaur, Lemaître, Mehta, Sepahvand, Precup, Arnold, Arbel 2019, reproduced

*Improving Pathological Structure Segmentation Via Transfer Learning Across Diseases.* A 3-D U-Net learns lesions of
multiple sclerosis and moves to glioma (NCR, ED, ET): its last three layers are new, and these alone (FT_LastThree), the
decoder (FT_Decoder) or everything (FT_All) is trained, beside a network from scratch. The published source is 3630
scans, the target BraTS 2018. We have the slides: of the second phase they hold figures and findings, no numbers."""
AUC_NOTE = """Area under the ROC curve over voxels (scikit-learn's `roc_auc_score`, exact, all of a patient's voxels),
of each test patient, then mean ± standard deviation. The paper has one number and does not say over which voxels, or
whether over lesions; the air around the head is told easily, so the whole volume gives a larger area than the brain."""
CURVE_NOTE = """Dice, the average over a patient's NCR, ED and ET, at the operating point: mean ± standard deviation
over the test patients of all folds; the last columns are the gain over scratch, ± its standard error, paired over test
patients. All starts learn from the same cases, fewer are among more, and are tested on the same patients: those of the
fold that nobody learnt from. The paper tests all networks on the 66 patients of BraTS 2018's validation set."""
POINT_NOTE = """The operating point is a threshold of p / (p + background), where p is the most probable class of the
tumour: 0.5 is the plain decision, t weighs the background t / (1 − t). It has the best mean Dice over regions and cases
on the validation cases of the fold, for each network its own; no test case is looked at. Here: what it changed on the
test patients, mean ± standard error, and the thresholds of the folds. Both numbers of every run stand in runs.csv."""
FINDINGS_NOTE = """The paper's side is what its slides say in words ("FT-All outperforms the baseline in almost every
case", "best when the number of tumor cases is extremely low", "the gain of FT-All over baseline diminishes", "fine-
tuning just the last few layers … it's not the same case in medical domain", "fine-tuning the whole network works
best"). The difference is ours, paired over the test patients of all folds; a difference below its standard error means
little, and the error does not know that another seed would have trained other networks."""


def write_page(study: Study, *, command: str) -> Path:
    """Write the page, one CSV a table and the figure, from whatever runs are there; return the page's path.

    OUT/findings.md, which a person writes, is included and never touched.

    Args:
        study: where the runs are and where the page goes.
        command: what makes it all, for the page.
    """
    runs = [run for run in (study.pretraining, *study.target_runs) if is_scored(run)]
    tables = {
        "pretraining": pretraining_table(study),
        "curve": curve_table(study),
        "curve_plain": curve_table(study, point=PLAIN),
        "operating_points": points_table(study),
        "runs": runs_table(study),
    }
    for name, table in tables.items():
        to_csv(table, study.out / f"{name}.csv")
    drawn = plot_curve(study, study.out / "curve.png", synthetic=is_synthetic(runs))
    sections = [
        TITLE,
        *incomplete(_missing(study)),
        _facts(study, runs, command=command),
        "## First phase: lesions of multiple sclerosis",
        to_markdown(tables["pretraining"]),
        AUC_NOTE,
        "## Second phase: Dice over the number of training cases",
        to_markdown(tables["curve"]),
        CURVE_NOTE,
        "![Test Dice over training cases](curve.png)" if drawn else "–",
        "### The same at the plain decision: the most probable class",
        to_markdown(tables["curve_plain"]),
        "### What the operating point changed",
        to_markdown(tables["operating_points"]),
        POINT_NOTE,
        *finding_sections(find_directions(study), note=FINDINGS_NOTE, out=study.out),
    ]
    page = study.out / f"{PAPER}.md"
    write_text(page, "\n\n".join(sections) + "\n")
    return page


def _missing(study: Study) -> list[str]:
    """Return what lacks, and how much of it."""
    names = [] if has_auc(study) else ["the pretraining"]
    for start, name in STARTS.items():
        total = len(study.cases) * len(study.folds)
        lacking = total - sum(len(study.scored(cases, start)) for cases in study.cases)
        if lacking:
            names.append(f"{name} ({lacking} of {total} runs)")
    return names


def _facts(study: Study, runs: list, *, command: str) -> str:
    """Return where the numbers come from: data, scale, seeds, lengths, versions, time, command."""
    number, of = FOLDS[study.scale]
    own = read_split(study.pretraining)
    split = next((read_split(run) for run in study.target_runs if is_scored(run)), {})
    judges = count_parts({part: cases for part, cases in split.items() if part != "train"})
    facts = describe_runs(
        runs, total=1 + len(study.target_runs), split=own,
        scale=f"{study.scale}; {number} of {of} folds of the target; seed {describe_seeds(runs)}",
        more=(
            f"source `{study.source}`: {count_parts(own)}; target `{study.target}`: {_numbers(study)} train, of a "
            f"fold {judges}",
            f"length: pretraining {describe_length([study.pretraining])}, every training on the target "
            f"{describe_length(study.target_runs)}",
        ),
    )  # fmt: skip
    return f"{facts}\n\n      {command}"


def _numbers(study: Study) -> str:
    *most, last = map(str, study.cases)
    return f"{', '.join(most)} or {last}"
