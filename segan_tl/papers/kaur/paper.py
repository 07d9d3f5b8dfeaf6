"""Kaur 2019: across diseases, from lesions of multiple sclerosis to glioma."""

from functools import partial
from pathlib import Path

from segan_tl.papers.kaur import figures, jobs, study, tables
from segan_tl.papers.paper import Length, Paper

PAPER = Paper(
    name="kaur-2019",
    citation="Kaur, Lemaître, Mehta, Sepahvand, Precup, Arnold, Arbel 2019",
    title="Improving Pathological Structure Segmentation Via Transfer Learning Across Diseases",
    question="is a network that has learnt lesions of multiple sclerosis a start for glioma, and with how many cases?",
    folder=Path(__file__).parent,
    lengths={
        "quick": Length(33, "up to an hour on two CPU cores"),
        "full": Length(65, "weeks on a GPU"),
    },
    examples=(("kaur-2019 --scale full --data BraTS2018 --source-data MS", ""),),
    target=jobs.TARGET,
    source=jobs.SOURCE,
    regions=("lesion", *study.REGIONS),
    study=study.Study,
    groups=study.list_groups,
    plan=jobs.plan,
    tables={
        "pretraining": tables.pretraining_table,
        "curve": tables.curve_table,
        "curve_plain": partial(tables.curve_table, point=study.PLAIN),
        "operating_points": tables.points_table,
        "runs": tables.runs_table,
    },
    figures={"curve": figures.plot_curve},
    findings=tables.find_directions,
    facts=study.describe,
)
