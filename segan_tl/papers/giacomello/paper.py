"""Giacomello 2020: across modalities, with an adversarial network."""

from pathlib import Path

from segan_tl.papers.giacomello import figures, findings, jobs, study, tables
from segan_tl.papers.paper import Length, Option, Paper

PAPER = Paper(
    name="giacomello-2020",
    citation="Giacomello, Loiacono, Mainardi 2020",
    title="Transfer Brain MRI Tumor Segmentation Models Across Modalities with Adversarial Networks",
    question="does a network that has learnt one modality lead to another, and should its critic stand still?",
    folder=Path(__file__).parent,
    lengths={
        "quick": Length(61, "about a minute each, half an hour on two CPU cores"),
        "full": Length(
            61, "13 of up to 100,000 epochs with patience 500 and 48 shorter ones, days to weeks, even on a GPU"
        ),
    },
    examples=(
        ("giacomello-2020", "the synthetic cohort"),
        ("giacomello-2020 --only tables", "13 runs instead of 61"),
        ("giacomello-2020 --only curve --curve t1c-to-t1", "one more curve, 48 runs"),
        ("giacomello-2020 --scale full --data BRATS2015 --jobs 1", ""),
    ),
    target=jobs.TARGET,
    regions=(study.REGION,),
    study=study.Study,
    groups=study.list_groups,
    plan=jobs.plan,
    tables={
        "table1": tables.table_1,
        "table2": tables.table_2,
        "fig3": tables.figure_3,
        "table3": tables.table_3,
        "votes": tables.votes_table,
    },
    figures={"fig2": figures.plot_variants},
    findings=findings.find_directions,
    facts=study.describe,
    sentences={
        "seeds": lambda _: str(len(study.CURVE_SEEDS)),
        "cases": findings.count_cases,
    },
    curves=study.show_curves,
    options=(
        Option("curve", "which learning curve to run (flair-to-t2)", tuple(study.CURVES)),
        Option("only", "the paper's tables, or the learning curve", ("tables", "curve")),
    ),
)
