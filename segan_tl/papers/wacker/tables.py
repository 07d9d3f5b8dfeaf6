"""The tables of the reproduction of Wacker 2020: every number beside the published one."""

import statistics
from collections.abc import Mapping

import numpy as np

from segan_tl.papers.findings import Finding, Side, compare
from segan_tl.papers.runs import mean, read_scores
from segan_tl.papers.tables import ABSENT, Cell, Published, Table, number
from segan_tl.papers.wacker.study import (
    DICE_MEAN,
    DICE_MEDIAN,
    HAUSDORFF_MEAN_MM,
    NETWORKS,
    REGION_NAMES,
    SEEDS,
    STARTS,
    Study,
    method_name,
)
from segan_tl.report.figures import read_history

NOT_RUN = "not run"
STATISTICS = {"mean": mean, "median": lambda scores: statistics.median(scores.values()) if scores else None}


def dice_table(study: Study, statistic: str = "mean") -> Table:
    """Return Table 1: the mean (or median) Dice over test cases, averaged over seeds."""
    published = {"mean": DICE_MEAN, "median": DICE_MEDIAN}[statistic]
    return _table(study, "dice", statistic=statistic, published=published, digits=3)


def hausdorff_table(study: Study) -> Table:
    """Return Table 1's mean Hausdorff distances, in mm."""
    return _table(study, "hd95_mm", statistic="mean", published=HAUSDORFF_MEAN_MM, digits=1)


def by_seed(study: Study, network: str, start: str, *, region: str, score="dice", statistic="mean") -> dict[str, float]:
    """Return seed → the mean (or median) over the test cases of that run."""
    found = {}
    for seed, run in study.scored(network, start).items():
        value = STATISTICS[statistic](read_scores(run, score, region=region))
        if value is not None:
            found[str(seed)] = value
    return found


def _table(study: Study, score: str, *, statistic: str, published: Mapping, digits: int) -> Table:
    rows = []
    for network in NETWORKS:
        for start in STARTS:
            cells = []
            for region in REGION_NAMES:
                found = by_seed(study, network, start, region=region, score=score, statistic=statistic)
                cells.append(_cell(list(found.values()), published[network, start][region], digits=digits))
            rows.append((method_name(network, start), *cells))
    return Table(("method", *REGION_NAMES.values()), rows)


def _cell(values: list[float], published: Published, *, digits: int) -> Cell:
    if not values:
        return Cell(None, published, note=NOT_RUN, digits=digits)
    spread = statistics.stdev(values) if len(values) > 1 else None
    note = "" if len(values) == len(SEEDS) else f"{len(values)} of {len(SEEDS)} seeds"
    return Cell(statistics.fmean(values), published, spread, note, digits)


# === Fig. 3 ===


def curves(study: Study, network: str, start: str, *, region: str) -> dict[int, dict[int, float]]:
    """Return seed → epoch → validation Dice of the runs that are complete."""
    found = {}
    for seed, run in study.scored(network, start).items():
        history = read_history(run.history)
        values = history.get(f"dice_{region}", np.full(len(history["epoch"]), np.nan))
        there = np.isfinite(values)
        found[seed] = {int(epoch): float(value) for epoch, value in zip(history["epoch"][there], values[there])}
    return found


def mean_curve(found: dict[int, dict[int, float]]) -> list[tuple[int, float, float | None]]:
    """Return (epoch, mean, standard deviation) over seeds, of the epochs that every seed has."""
    common = sorted(set.intersection(*(set(curve) for curve in found.values()))) if found else []
    rows = []
    for epoch in common:
        values = [curve[epoch] for curve in found.values()]
        rows.append((epoch, statistics.fmean(values), statistics.stdev(values) if len(values) > 1 else None))
    return rows


def figure_3(study: Study) -> Table:
    """Return the numbers of Fig. 3, one row an epoch: mean and standard deviation over seeds."""
    rows = []
    for network in NETWORKS:
        for start in STARTS:
            for region, name in REGION_NAMES.items():
                found = curves(study, network, start, region=region)
                for epoch, value, spread in mean_curve(found):
                    about = (method_name(network, start), name, str(epoch), str(len(found)))
                    rows.append((*about, number(value), number(spread)))
    return Table(("method", "region", "epoch", "seeds", "validation dice", "standard deviation"), rows)


def stability_table(study: Study) -> Table:
    """Return the standard deviation over seeds, averaged over the epochs of Fig. 3."""
    rows = []
    for network in NETWORKS:
        for start in STARTS:
            texts = []
            for region in REGION_NAMES:
                spreads = [spread for *_, spread in mean_curve(curves(study, network, start, region=region))]
                known = [spread for spread in spreads if spread is not None]
                texts.append(number(statistics.fmean(known)) if known else NOT_RUN if not spreads else ABSENT)
            rows.append((method_name(network, start), *texts))
    return Table(("method", *REGION_NAMES.values()), rows)


# === Seed by seed, and direction ===


def seeds_table(study: Study) -> Table:
    """Return the test Dice of every run: mean and median over its test cases."""
    rows = []
    for network in NETWORKS:
        for start in STARTS:
            for seed, run in study.scored(network, start).items():
                for region, name in REGION_NAMES.items():
                    scores = read_scores(run, region=region)
                    values = [number(STATISTICS[statistic](scores)) for statistic in ("mean", "median")]
                    rows.append((method_name(network, start), str(seed), name, str(len(scores)), *values))
    return Table(("method", "seed", "region", "test cases", "mean dice", "median dice"), rows)


def find_directions(study: Study) -> list[Finding]:
    """Compare, by mean Dice: pretrained against random, and three dimensions against two, seed against same seed."""
    findings = []
    for network, network_name in NETWORKS.items():
        for region, name in REGION_NAMES.items():
            sides = [
                _side(study, network, start, region=region, label=label)
                for start, label in (("imagenet", "pretrained"), ("random", "random"))
            ]
            findings.append(compare(f"{network_name}, {name}: pretrained against random", sides[0], sides[1:]))
    for start, start_name in (("imagenet", "pretrained"), ("random", "random weights")):
        for region, name in REGION_NAMES.items():
            sides = [_side(study, key, start, region=region, label=label) for key, label in NETWORKS.items()]
            findings.append(compare(f"{start_name}, {name}: AlbuNet3D against AlbuNet2D", sides[0], sides[1:]))
    return findings


def _side(study: Study, network: str, start: str, *, region: str, label: str) -> Side:
    return Side(label, DICE_MEAN[network, start][region], by_seed(study, network, start, region=region))
