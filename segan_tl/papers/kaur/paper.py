"""Kaur 2019: across diseases, from lesions of multiple sclerosis to glioma."""

from pathlib import Path

from segan_tl.papers.kaur import jobs, study, tables
from segan_tl.papers.paper import Length, Paper

PAPER = Paper(
    name="kaur-2019",
    citation="Kaur, Lemaître, Mehta, Sepahvand, Precup, Arnold, Arbel 2019",
    title="Improving Pathological Structure Segmentation Via Transfer Learning Across Diseases",
    question="is a network that has learnt lesions of multiple sclerosis a start for glioma, and with how many cases?",
    folder=Path(__file__).parent,
    lengths={
        "quick": Length(41, "up to an hour on two CPU cores"),
        "full": Length(81, "weeks on a GPU"),
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
        "operating_points": tables.points_table,
    },
    figures={},
    findings=tables.find_directions,
    facts=study.describe,
    curves=study.show_curves,
    divide=jobs.divide,
)
