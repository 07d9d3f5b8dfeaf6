"""Kaur 2019: across diseases, from lesions of multiple sclerosis to glioma."""

from pathlib import Path

from segan_tl.papers.kaur.figures import plot_curve
from segan_tl.papers.kaur.jobs import SOURCE, TARGET, plan
from segan_tl.papers.kaur.study import REGIONS, Study, describe, list_groups
from segan_tl.papers.kaur.tables import (
    curve_table,
    find_directions,
    plain_table,
    points_table,
    pretraining_table,
    runs_table,
)
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
    target=TARGET,
    source=SOURCE,
    regions=("lesion", *REGIONS),
    study=Study,
    groups=list_groups,
    plan=plan,
    tables={
        "pretraining": pretraining_table,
        "curve": curve_table,
        "curve_plain": plain_table,
        "operating_points": points_table,
        "runs": runs_table,
    },
    figures={"curve": plot_curve},
    findings=find_directions,
    facts=describe,
)
