"""Giacomello 2020: across modalities, with an adversarial network."""

import functools
from pathlib import Path

from segan_tl.papers.giacomello.figures import plot_learning_curve, plot_variants
from segan_tl.papers.giacomello.findings import count_cases, find_directions
from segan_tl.papers.giacomello.jobs import TARGET, plan
from segan_tl.papers.giacomello.study import CURVE_SEEDS, CURVES, REGION, Study, describe, list_groups
from segan_tl.papers.giacomello.tables import (
    curve_rows,
    curve_sections,
    figure_3,
    table_1,
    table_2,
    table_3,
    votes_table,
)
from segan_tl.papers.paper import Length, Option, Paper

PAPER = Paper(
    name="giacomello-2020",
    citation="Giacomello, Loiacono, Mainardi 2020",
    title="Transfer Brain MRI Tumor Segmentation Models Across Modalities with Adversarial Networks",
    question="does a network that has learnt one modality lead to another, and should its critic stand still?",
    folder=Path(__file__).parent,
    lengths={
        "quick": Length(49, "one to three minutes each, less than half an hour on two CPU cores"),
        "full": Length(
            49, "13 of up to 100,000 epochs with patience 500 and 36 shorter ones, days to weeks, even on a GPU"
        ),
    },
    examples=(
        ("giacomello-2020", "the synthetic cohort"),
        ("giacomello-2020 --only tables", "13 runs instead of 49"),
        ("giacomello-2020 --only curve --curve t1c-to-t1", "one more curve, 36 runs"),
        ("giacomello-2020 --scale full --data BRATS2015 --jobs 1", ""),
    ),
    target=TARGET,
    regions=(REGION,),
    study=Study,
    groups=list_groups,
    plan=plan,
    tables={
        "table1": table_1,
        "table2": table_2,
        "fig3": figure_3,
        "table3": table_3,
        "votes": votes_table,
        "learning_curve": curve_rows,
    },
    figures={
        "fig2": plot_variants,
        **{f"learning_curve_{curve}": functools.partial(plot_learning_curve, curve=curve) for curve in CURVES},
    },
    findings=find_directions,
    facts=describe,
    sentences={"seeds": lambda _: str(len(CURVE_SEEDS)), "cases": count_cases, "curves": curve_sections},
    options=(
        Option("curve", "which learning curve to run (flair-to-t2)", tuple(CURVES)),
        Option("only", "the paper's tables, or the learning curve", ("tables", "curve")),
    ),
)
