"""Heras Rivera 2024: across scanners, from 3 T to 1.5 T."""

from functools import partial
from pathlib import Path

from segan_tl.papers.heras import figures, jobs, study, tables
from segan_tl.papers.paper import Length, Paper

PAPER = Paper(
    name="heras-rivera-2024",
    citation="Heras Rivera, Rebala, Ren, Sharma, Kurt 2024",
    title="Improving Glioma Segmentation in Low-Resolution Domains with Transfer Learning",
    question="which of six ways leads best from many patients of one scanner to a few of another?",
    folder=Path(__file__).parent,
    lengths={
        "quick": Length(19, "up to an hour on two CPU cores"),
        "full": Length(61, "weeks on a GPU"),
    },
    examples=(
        ("heras-rivera-2024", ""),
        ("heras-rivera-2024 --scale full --data BraTS-Africa --source-data BraTS2023", ""),
    ),
    target=jobs.TARGET,
    source=jobs.SOURCE,
    regions=study.REGIONS,
    study=study.Study,
    groups=study.list_groups,
    plan=jobs.plan,
    tables={
        "table2_dice": partial(tables.table_2, score=study.DICE),
        "table2_hd95": partial(tables.table_2, score=study.HD95),
        "tests": tables.p_table,
        "source": tables.source_table,
        "patients": tables.patients_table,
        "domain_accuracy": tables.domain_table,
    },
    figures={"domain_accuracy": figures.plot_domain_accuracy},
    findings=tables.find_directions,
    facts=study.describe,
    sentences={"compared": tables.count_tests, "layer": study.place_of_classifier},
)
