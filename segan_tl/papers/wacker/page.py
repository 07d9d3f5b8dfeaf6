"""The results page of the reproduction of Wacker 2020: Table 1, Fig. 3, and where the direction differs."""

from pathlib import Path

from segan_tl.disk.atomic import write_text
from segan_tl.papers.findings import finding_sections
from segan_tl.papers.runs import describe_runs, incomplete, is_scored, is_synthetic
from segan_tl.papers.tables import to_csv, to_markdown
from segan_tl.papers.wacker.figures import plot_curves
from segan_tl.papers.wacker.study import NETWORKS, PAPER, SEEDS, STARTS, Study, method_name
from segan_tl.papers.wacker.tables import (
    dice_table,
    figure_3,
    find_directions,
    hausdorff_table,
    seeds_table,
    stability_table,
)
from segan_tl.runs import read_json, read_parts

TITLE = """# Wacker, Ladeira, Nascimento 2020, reproduced

*Transfer Learning for Brain Tumor Segmentation.* AlbuNet2D and AlbuNet3D, their encoder from random or from ImageNet
weights; in brackets the published number: BraTS 2020, validation data, average over 5 runs."""
TABLE_NOTE = """Mean over the test patients of a run, then mean ± standard deviation over the seeds. A seed decides
the first weights, the patches and also which patients are tested; it is the same for all four methods. The paper's
numbers are the challenge server's, on patients that were the same in all of its runs."""
HAUSDORFF_NOTE = """95th percentile, surface-weighted; a region that is missed or invented counts 374 mm."""
FIGURE_NOTE = """The paper draws AlbuNet3D alone. Here whole validation volumes are segmented, there random patches of
them, and the checkpoint with the best validation Dice is tested, there the last one."""
STABILITY_NOTE = """Standard deviation over seeds of the validation Dice, averaged over the epochs drawn. The paper's
claim is that it shrinks with ImageNet weights, most of all for TC and ET."""
FINDINGS_NOTE = """The difference is ours, a seed against the same seed; a difference below its standard error means
little."""
# The first digits of the sha256 of resnet34 as torchvision published it, which are part of the files' names.
TORCHVISION_SHA256 = ("b627a593", "333f7ec4")
UNKNOWN_WEIGHTS = "**not torchvision's own file: whether it was trained on ImageNet is not known here**"


def write_page(study: Study, *, command: str, weights: str) -> Path:
    """Write the page, one CSV a table and Fig. 3, from whatever runs are there; return the page's path.

    OUT/findings.md, which a person writes, is included and never touched.

    Args:
        study: where the runs are and where the page goes.
        command: what makes it all, for the page.
        weights: which file the pretrained half needs, for a page without it.
    """
    runs = [run for run in study.all_runs if is_scored(run)]
    tables = {
        "table1": dice_table(study),
        "table1_median": dice_table(study, "median"),
        "table1_hausdorff": hausdorff_table(study),
        "fig3": figure_3(study),
        "stability": stability_table(study),
        "seeds": seeds_table(study),
    }
    for name, table in tables.items():
        to_csv(table, study.out / f"{name}.csv")
    drawn = plot_curves(study, study.out / "fig3.png", synthetic=is_synthetic(runs))
    sections = [
        TITLE,
        *_missing(study, weights),
        _facts(study, runs, command=command),
        "## Table 1: Dice",
        to_markdown(tables["table1"]),
        TABLE_NOTE,
        "### Median over the test patients",
        to_markdown(tables["table1_median"]),
        "### Hausdorff distance in mm, mean",
        to_markdown(tables["table1_hausdorff"]),
        HAUSDORFF_NOTE,
        "## Fig. 3: validation Dice while learning",
        "![Validation Dice over epochs](fig3.png)" if drawn else "–",
        FIGURE_NOTE,
        to_markdown(tables["stability"]),
        STABILITY_NOTE,
        *finding_sections(find_directions(study), note=FINDINGS_NOTE, out=study.out),
    ]
    page = study.out / f"{PAPER}.md"
    write_text(page, "\n\n".join(sections) + "\n")
    return page


def _missing(study: Study, weights: str) -> list[str]:
    """Return what stands on top of a page that is not complete."""
    lacking = {
        (network, start): len(SEEDS) - len(study.scored(network, start)) for network in NETWORKS for start in STARTS
    }
    names = [f"{method_name(*key)} ({count} of {len(SEEDS)} seeds)" for key, count in lacking.items() if count]
    text = incomplete(names)
    if text and all(lacking[network, "imagenet"] == len(SEEDS) for network in NETWORKS):
        text[0] += f" The pretrained half needs {weights}, given with --resnet34 FILE."
    return text


def _facts(study: Study, runs: list, *, command: str) -> str:
    """Return where the numbers come from: data, scale, seeds, weights, versions, time, command."""
    split = read_parts(runs[0]) if runs else {}
    facts = describe_runs(
        runs, total=len(study.all_runs), split=split, scale=_scale(study, runs),
        more=(f"ImageNet weights: {_weights(study)}",),
    )  # fmt: skip
    return f"{facts}\n\n      {command}"


def _scale(study: Study, runs: list) -> str:
    """Return the scale, the seeds and the steps beside the paper's."""
    train = read_json(runs[0].config).get("train", {}) if runs else {}
    steps = ""
    if train:
        steps = f"; {train.get('epochs', '?')} epochs of {train.get('steps_per_epoch', '?')} steps (paper: 50 of 100)"
    return f"{study.scale}; seeds {', '.join(map(str, SEEDS))}{steps}"


def _weights(study: Study) -> str:
    """Return which file the pretrained runs started from, and whether it is torchvision's own."""
    files = {}
    for network in NETWORKS:
        for run in study.scored(network, "imagenet").values():
            origin = read_json(run.state).get("pretrained", {})
            files[origin.get("source_sha256", "not known")] = origin.get("source") or origin.get("file", "not known")
    texts = []
    for digest, name in sorted(files.items()):
        own = "torchvision's own file" if digest[:8] in TORCHVISION_SHA256 else UNKNOWN_WEIGHTS
        texts.append(f"{name}, sha256 {digest}, {own}")
    return "; ".join(texts) or "none given"
