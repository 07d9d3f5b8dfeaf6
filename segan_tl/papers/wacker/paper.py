"""Wacker 2020: from natural images to tumours."""

from pathlib import Path

from segan_tl.papers.paper import Length, Option, Paper
from segan_tl.papers.wacker.figures import plot_curves
from segan_tl.papers.wacker.jobs import TARGET, check_weights, plan
from segan_tl.papers.wacker.study import REGION_NAMES, Study, ask_for_weights, describe, list_groups
from segan_tl.papers.wacker.tables import (
    dice_table,
    figure_3,
    find_directions,
    hausdorff_table,
    median_table,
    seeds_table,
    stability_table,
)

PAPER = Paper(
    name="wacker-2020",
    citation="Wacker, Ladeira, Nascimento 2020",
    title="Transfer Learning for Brain Tumor Segmentation",
    question="are weights from ImageNet a better start than random ones, in two dimensions and in three?",
    folder=Path(__file__).parent,
    lengths={
        "quick": Length(20, "about 40 minutes on two CPU cores; without --resnet34 the 10 pretrained are left out"),
        "full": Length(20, "5,000 steps each, days on a GPU"),
    },
    examples=(
        ("wacker-2020 --resnet34 resnet34-b627a593.pth", ""),
        ("wacker-2020 --scale full --data BraTS2020 --resnet34 resnet34-b627a593.pth", ""),
    ),
    target=TARGET,
    regions=tuple(REGION_NAMES),
    study=Study,
    groups=list_groups,
    plan=plan,
    tables={
        "table1": dice_table,
        "table1_median": median_table,
        "table1_hausdorff": hausdorff_table,
        "fig3": figure_3,
        "stability": stability_table,
        "seeds": seeds_table,
    },
    figures={"fig3": plot_curves},
    findings=find_directions,
    facts=describe,
    sentences={"weights": ask_for_weights},
    options=(
        Option(
            "resnet34",
            "ImageNet weights: torchvision's resnet34, .pth or .safetensors, or what import made of it",
        ),
    ),
    notice=check_weights,
)
