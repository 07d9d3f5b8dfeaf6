"""The tables of the reproduction of Wacker 2020: every number beside the published one."""

import statistics
from pathlib import Path

from segan_tl.papers.findings import Finding, Side, compare
from segan_tl.papers.published import read_published
from segan_tl.papers.runs import mean, read_curve, read_scores
from segan_tl.papers.tables import ABSENT, NOT_RUN, Cell, Table, beside_published, number, share, spread_of
from segan_tl.papers.wacker.study import METHODS, NETWORKS, REGION_NAMES, SEEDS, STARTS, Study

NUMBERS = Path(__file__).with_name("published.toml")
STATISTICS = {"mean": mean, "median": lambda scores: statistics.median(scores.values()) if scores else None}


# === Table 1 ===


def table_1(study: Study, part: str = "table1", *, score="dice", statistic="mean", digits: int = 3) -> Table:
    """Return a part of Table 1: the mean (or median) over test cases, averaged over seeds."""
    keys = {f"{network}-{start}": (network, start) for network, start in METHODS}

    def ours(row: str, region: str) -> Cell:
        values = by_seed(study, *keys[row], region=region, score=score, statistic=statistic).values()
        note = share(len(values), len(SEEDS), "seeds")
        return Cell(statistics.fmean(values) if values else None, None, spread_of(values), note, digits)

    names = dict(zip(keys, METHODS.values()))
    return beside_published("method", names, REGION_NAMES, ours=ours, published=read_published(NUMBERS)[part])


def by_seed(study: Study, network: str, start: str, *, region: str, score="dice", statistic="mean") -> dict[str, float]:
    """Return seed → the mean (or median) over the test cases of that run."""
    found = {
        str(seed): STATISTICS[statistic](read_scores(run, score, region=region))
        for seed, run in study.scored(network, start).items()
    }
    return {seed: value for seed, value in found.items() if value is not None}


# === Fig. 3 ===


def curves(study: Study, network: str, start: str, *, region: str) -> dict[int, dict[int, float]]:
    """Return seed → epoch → validation Dice of the runs that are complete."""
    return {seed: read_curve(run, f"dice_{region}") for seed, run in study.scored(network, start).items()}


def mean_curve(found: dict[int, dict[int, float]]) -> list[tuple[int, float, float | None]]:
    """Return (epoch, mean, standard deviation) over seeds, of the epochs that every seed has."""
    common = sorted(set.intersection(*map(set, found.values()))) if found else []
    rows = []
    for epoch in common:
        values = [curve[epoch] for curve in found.values()]
        rows.append((epoch, statistics.fmean(values), spread_of(values)))
    return rows


def figure_3(study: Study) -> Table:
    """Return the numbers of Fig. 3, one row an epoch: mean and standard deviation over seeds."""
    rows = []
    for method, name in METHODS.items():
        for region, region_name in REGION_NAMES.items():
            found = curves(study, *method, region=region)
            for epoch, value, spread in mean_curve(found):
                rows.append((name, region_name, str(epoch), str(len(found)), number(value), number(spread)))
    return Table(("method", "region", "epoch", "seeds", "validation dice", "standard deviation"), rows)


def stability_table(study: Study) -> Table:
    """Return the standard deviation over seeds, averaged over the epochs of Fig. 3."""
    def text(method, region):
        spreads = [spread for *_, spread in mean_curve(curves(study, *method, region=region))]
        known = [spread for spread in spreads if spread is not None]
        return number(statistics.fmean(known)) if known else NOT_RUN if not spreads else ABSENT

    rows = [(name, *(text(method, region) for region in REGION_NAMES)) for method, name in METHODS.items()]
    return Table(("method", *REGION_NAMES.values()), rows)


# === Seed by seed, and direction ===


def seeds_table(study: Study) -> Table:
    """Return the test Dice of every run: mean and median over its test cases."""
    rows = []
    for method, name in METHODS.items():
        for seed, run in study.scored(*method).items():
            for region, region_name in REGION_NAMES.items():
                scores = read_scores(run, region=region)
                values = (number(statistic(scores)) for statistic in STATISTICS.values())
                rows.append((name, str(seed), region_name, str(len(scores)), *values))
    return Table(("method", "seed", "region", "test cases", "mean dice", "median dice"), rows)


def find_directions(study: Study) -> list[Finding]:
    """Compare, by mean Dice: pretrained against random, and three dimensions against two, seed against same seed."""
    published = read_published(NUMBERS)["table1"].rows
    findings = []

    def add(statement, sides):
        first, second = (
            Side(label, published["-".join(method)][region], by_seed(study, *method, region=region))
            for label, method in sides.items()
        )
        findings.append(compare(statement, first, [second]))

    for network, network_name in NETWORKS.items():
        for region, name in REGION_NAMES.items():
            sides = {label: (network, start) for start, label in STARTS.items()}
            add(f"{network_name}, {name}: pretrained against random", sides)
    for start, start_name in (("imagenet", "pretrained"), ("random", "random weights")):
        for region, name in REGION_NAMES.items():
            sides = {label: (network, start) for network, label in NETWORKS.items()}
            add(f"{start_name}, {name}: AlbuNet3D against AlbuNet2D", sides)
    return findings
