"""What `matrix` writes and prints: models on every modality, their votes, one network on every subset."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from segan_tl.console import console
from segan_tl.disk.atomic import write_json
from segan_tl.disk.ownership import mark
from segan_tl.environment import versions
from segan_tl.predict.members import Member, joint_settings
from segan_tl.report.compare.matrix import CELL, SUBSET, Scores, by_number, summarise, write_rows
from segan_tl.report.compare.matrix_figures import plot_matrix, plot_votes
from segan_tl.report.compare.matrix_tables import print_costs, print_matrix, print_subsets, print_votes
from segan_tl.report.compare.subsets import COST, with_means

NUMBERS = ("dice", "std", "cases")
MATRIX = ("matrix.csv", "matrix_cases.csv", "matrix.png")
VOTES = ("votes.csv", "votes.png")
SUBSETS = ("subsets.csv", "subsets_cases.csv", "subsets_cost.csv", "subsets.png")


@dataclass(frozen=True)
class About:
    """What was scored: where the files go, part of the split, folder of the cases, and why nobody voted."""

    out: Path
    part: str
    data: str
    synthetic: bool
    no_votes: str | None

    def on(self, ids: Sequence[str]) -> str:
        """Return how many cases there are."""
        return f"{len(ids)} {self.part} case{'s' if len(ids) > 1 else ''}"


def report(
    scores: Scores,
    subsets: Scores,
    alone: Sequence[Member],
    several: Sequence[Member],
    *,
    order: Sequence[str],
    about: About,
    digests: list,
    costs: Sequence[dict],
) -> None:
    """Write the tables and pictures, print them, and say where they are.

    Args:
        scores: of the models of one modality.
        subsets: of those that take any, or several.
        alone: the runs of one modality.
        several: the others.
        order: of the modalities.
        digests: sha256 of their segmentors, in this order.
        costs: of each way to segment every subset, keys COST.
    """
    mark(about.out, "matrix")
    cells, votes = summarise(scores.cells, CELL), summarise(scores.votes, SUBSET)
    ids = list(dict.fromkeys(row["case"] for row in (*scores.cells, *subsets.votes)))
    on = about.on(ids)
    if alone:
        _report_cells(scores, cells, about, on=on)
        _report_votes(votes, alone, about, on=on)
    found = _report_subsets([*subsets.votes, *scores.votes], order, about, on=on, costs=costs) if several else []
    written = [name for names, rows in ((MATRIX, cells), (VOTES, votes), (SUBSETS, found)) for name in names if rows]
    for name in {*MATRIX, *VOTES, *SUBSETS} - set(written):
        (about.out / name).unlink(missing_ok=True)  # of an earlier comparison
    failed = scores.failed | subsets.failed
    for case_id, reason in failed.items():
        console.print(f"left out {case_id}: {reason}", markup=False, soft_wrap=True)
    results = {"part": about.part, "data": about.data, "synthetic": about.synthetic, "cases": ids, "failed": failed}
    results |= {"matrix": cells, "votes": votes, "votes_left_out": about.no_votes}
    results |= {"subsets": found, "costs": list(costs)} if found else {}
    _write_record(about.out / "matrix.json", results, alone, several, digests=digests)
    console.print(f"written to {about.out}: {', '.join([*written, 'matrix.json'])}", soft_wrap=True)


def _report_cells(scores: Scores, cells: list[dict], about: About, *, on: str) -> None:
    write_rows(about.out / "matrix.csv", cells, columns=(*CELL, *NUMBERS))
    write_rows(about.out / "matrix_cases.csv", scores.cells, columns=(*CELL[:-1], "case", CELL[-1], "dice"))
    title = f"Models on every modality: {on}"
    plot_matrix(cells, about.out / "matrix.png", title=title, synthetic=about.synthetic)
    print_matrix(cells, on=on, synthetic=about.synthetic)


def _report_votes(votes: list[dict], alone: Sequence[Member], about: About, *, on: str) -> None:
    if not votes:
        console.print(f"no votes: {about.no_votes}, and a vote takes one run a modality", soft_wrap=True)
        return
    available = by_number(votes)
    write_rows(about.out / "votes.csv", votes, columns=(*SUBSET, *NUMBERS))
    title = f"Votes of single-modality models: {on}"
    plot_votes(votes, available, about.out / "votes.png", title=title, synthetic=about.synthetic)
    print_votes(available, synthetic=about.synthetic)
    weights = ", ".join(f"{member.modality} {member.weight:.3f}" for member in alone)
    console.print(f"weights of the votes, best validation Dice: {weights}", soft_wrap=True)


def _report_subsets(
    scored: list[dict], order: Sequence[str], about: About, *, on: str, costs: Sequence[dict]
) -> list[dict]:
    """Write and print what one network, one each, and the votes beside it make of every subset; return the rows."""
    rows = summarise(scored, SUBSET)
    found = with_means(rows, order)
    write_rows(about.out / "subsets.csv", found, columns=(*SUBSET, *NUMBERS))
    write_rows(about.out / "subsets_cases.csv", scored, columns=(*SUBSET[:-1], "case", SUBSET[-1], "dice"))
    title = f"Every subset of modalities: {on}"
    plot_votes(rows, by_number(rows), about.out / "subsets.png", title=title, synthetic=about.synthetic)
    print_subsets(found, on=on, synthetic=about.synthetic)
    write_rows(about.out / "subsets_cost.csv", costs, columns=COST)
    print_costs(costs)
    return found


def _write_record(path: Path, record: dict, alone: Sequence[Member], several: Sequence[Member], *, digests) -> None:
    """Write what was compared, on what, and how it came out."""
    runs = [
        {
            "run": str(member.run.root),
            "name": member.name,
            "trained_on": "any" if member.config.data.any_subset else "+".join(member.config.data.modalities),
            "segmentor_sha256": digest,
            "best_validation_dice": member.state.get("best_dice"),
            "predict": member.config.predict.model_dump(mode="json"),
        }
        for member, digest in zip((*alone, *several), digests)
    ]
    provenance = {
        "runs": runs,
        "regions": list((*alone, *several)[0].config.data.regions),
        "votes_settings": joint_settings(alone).model_dump(mode="json") if record["votes"] else None,
        "versions": versions(),
    }
    write_json(path, provenance | record)
