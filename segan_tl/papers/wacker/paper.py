"""Wacker 2020: from natural images to tumours."""

from functools import partial
from pathlib import Path

from segan_tl.papers.paper import Length, Option, Paper
from segan_tl.papers.wacker import figures, jobs, study, tables

PAPER = Paper(
    name="wacker-2020",
    citation="Wacker, Ladeira, Nascimento 2020",
    title="Transfer Learning for Brain Tumor Segmentation",
    question="are weights from ImageNet a better start than random ones, in two dimensions and in three?",
    folder=Path(__file__).parent,
    lengths={
        "quick": Length(20, "up to an hour on two CPU cores; without --resnet34 the 10 pretrained are left out"),
        "full": Length(20, "5,000 steps each, days on a GPU"),
    },
    examples=(
        ("wacker-2020 --resnet34 resnet34-b627a593.pth", ""),
        ("wacker-2020 --scale full --data BraTS2020 --resnet34 resnet34-b627a593.pth", ""),
    ),
    target=jobs.TARGET,
    regions=tuple(study.REGION_NAMES),
    study=study.Study,
    groups=study.list_groups,
    plan=jobs.plan,
    tables={
        "table1": tables.table_1,
        "table1_median": partial(tables.table_1, part="table1_median", statistic="median"),
        "table1_hausdorff": partial(tables.table_1, part="table1_hausdorff", score="hd95_mm", digits=1),
        "fig3": tables.figure_3,
        "stability": tables.stability_table,
        "seeds": tables.seeds_table,
    },
    figures={"fig3": figures.plot_curves},
    findings=tables.find_directions,
    facts=study.describe,
    sentences={"weights": study.ask_for_weights},
    options=(
        Option(
            "resnet34",
            "ImageNet weights: torchvision's resnet34, .pth or .safetensors, or what import made of it",
        ),
    ),
    notice=jobs.check_weights,
)
