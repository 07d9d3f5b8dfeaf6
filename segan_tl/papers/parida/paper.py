"""Parida 2024: across scanners with two networks, their ensemble, and post-processing by clusters of radiomics."""

from functools import partial
from pathlib import Path

from segan_tl.papers.paper import Length, Paper
from segan_tl.papers.parida import findings, jobs, study, tables

PAPER = Paper(
    name="parida-2024",
    citation="Parida, Capellán-Martín, Jiang, Tapp, Liu, Anwar, Ledesma-Carbayo, Linguraru 2024",
    title="Adult Glioma Segmentation in Sub-Saharan Africa using Transfer Learning on Stratified Finetuning Data",
    question="what are pretraining, fine-tuning, an ensemble and post-processing by clusters worth on another scanner?",
    folder=Path(__file__).parent,
    lengths={
        "quick": Length(14, "up to an hour on two CPU cores"),
        "full": Length(22, "weeks on a GPU"),
    },
    examples=(
        ("parida-2024", ""),
        ("parida-2024 --scale full --data BraTS-Africa --source-data BraTS2023", ""),
    ),
    target=jobs.TARGET,
    source=jobs.SOURCE,
    regions=study.REGIONS,
    study=study.Study,
    groups=study.list_groups,
    plan=jobs.plan,
    tables={
        "table3_dice": partial(tables.table_3, score=study.DICE),
        "table3_hd95": partial(tables.table_3, score=study.HD95),
        "questions": findings.questions_table,
        "weights": tables.weights_table,
        "table2": tables.table_2,
        "patients": tables.patients_table,
    },
    figures={},
    findings=findings.find_directions,
    facts=study.describe,
    sentences={"clusters": study.describe_clusters, "answers": findings.count_answers},
    notice=jobs.require_radiomics,
)
