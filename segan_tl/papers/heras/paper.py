"""Heras Rivera 2024: across scanners, from 3 T to 1.5 T."""

from pathlib import Path

from segan_tl.papers.heras.figures import plot_domain_accuracy
from segan_tl.papers.heras.jobs import SOURCE, TARGET, plan
from segan_tl.papers.heras.study import REGIONS, Study, describe, list_groups, place_of_classifier
from segan_tl.papers.heras.tables import (
    count_tests,
    dice_table,
    domain_table,
    find_directions,
    hd95_table,
    p_table,
    patients_table,
    source_table,
)
from segan_tl.papers.paper import Length, Paper

PAPER = Paper(
    name="heras-rivera-2024",
    citation="Heras Rivera, Rebala, Ren, Sharma, Kurt 2024",
    title="Improving Glioma Segmentation in Low-Resolution Domains with Transfer Learning",
    question="which of six ways leads best from many patients of one scanner to a few of another?",
    folder=Path(__file__).parent,
    lengths={
        "quick": Length(16, "up to an hour on two CPU cores"),
        "full": Length(51, "weeks on a GPU"),
    },
    examples=(
        ("heras-rivera-2024", ""),
        ("heras-rivera-2024 --scale full --data BraTS-Africa --source-data BraTS2023", ""),
    ),
    target=TARGET,
    source=SOURCE,
    regions=REGIONS,
    study=Study,
    groups=list_groups,
    plan=plan,
    tables={
        "table2_dice": dice_table,
        "table2_hd95": hd95_table,
        "tests": p_table,
        "source": source_table,
        "patients": patients_table,
        "domain_accuracy": domain_table,
    },
    figures={"domain_accuracy": plot_domain_accuracy},
    findings=find_directions,
    facts=describe,
    sentences={"compared": count_tests, "layer": place_of_classifier},
)
