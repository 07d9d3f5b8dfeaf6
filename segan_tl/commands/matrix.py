"""`python -m segan_tl matrix`: single-modality models on every modality, and their votes."""

import argparse
from pathlib import Path

from segan_tl.console import case_progress, console, start_tensorflow

EPILOG = """examples:
  python -m segan_tl matrix segan/t1 segan/t1c segan/t2 segan/flair          runs below runs/
  python -m segan_tl matrix segan/t2 segan/flair segan/flair-to-t2           two on one modality: no votes
  python -m segan_tl matrix segan/t2 segan/flair --data BraTS2021 --out DIR  the data has moved

Every model segments every modality of the test cases without fine-tuning. Where each run has a modality of its own they
also vote, with every subset of the modalities: what to expect of a patient who has only some of them. Votes count 1
(majority) or the run's best validation Dice (weighted); a tie is settled by the mean probability. Of two models the
better one always wins a weighted vote.

--out gets matrix.csv, matrix_cases.csv, matrix.png, votes.csv, votes.png and matrix.json."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the command."""
    parser.description = "Apply single-modality models to every modality, and let them vote."
    parser.epilog = EPILOG
    parser.add_argument("run", nargs="+", metavar="RUN", help="finished runs of one modality each, tested on one split")
    parser.add_argument("--data", type=Path, metavar="DIR", help="folder of cases (where the first run was trained)")
    parser.add_argument("--part", choices=("test", "validation"), default="test", help="part of the split (test)")
    parser.add_argument("--out", type=Path, metavar="DIR", help="where to write (matrix/ beside the first run)")
    parser.add_argument("--runs", type=Path, default=Path("runs"), metavar="DIR", help="where runs are kept (runs)")


def run(arguments: argparse.Namespace) -> int:
    """Score, write and print."""
    from segan_tl.disk.ownership import FILES, refuse_foreign
    from segan_tl.predict.members import open_members, same_modality, weights_of
    from segan_tl.report.compare.matrix_cases import check_finished, common_cases, find_data, shared_modalities

    # === Everything that can be refused is refused before work begins ===
    members = open_members(arguments.run, runs=arguments.runs)
    check_finished(members)
    ids = common_cases(members, arguments.part)
    cohort = find_data(members, ids, folder=arguments.data)
    cases = cohort.cases
    modalities = shared_modalities(cases, members)
    no_votes = same_modality(members) or ("one run is there" if len(members) == 1 else None)
    if no_votes is None:
        weights_of(members, "weighted")  # a run that does not tell its weight is refused now
    out = arguments.out or members[0].run.root.resolve().parent / "matrix"
    refuse_foreign(out, "matrix", FILES["matrix"], remedy="give another --out")
    if arguments.part == "validation":
        console.print(
            "note: the validation cases chose each run's epoch and weigh its vote: their Dice flatters", soft_wrap=True
        )

    # === Score ===
    start_tensorflow()
    from segan_tl.predict.ensemble import load_members
    from segan_tl.report.compare.matrix import score_matrix

    models, digests = load_members(members)
    with case_progress(f"{len(members)} models on {', '.join(modalities)}", total=len(cases)) as advance:
        scores = score_matrix(
            members, models, cases, modalities=modalities, voting=no_votes is None, advance=advance
        )

    # === Report ===
    synthetic = bool(cohort.settings.get("synthetic", False)) or members[0].synthetic and arguments.data is None
    about = {"part": arguments.part, "data": str(cohort.folder.resolve()), "synthetic": synthetic}
    _report(scores, members, out=out, about=about, digests=digests, no_votes=no_votes)
    return 0


def _report(scores, members, *, out, about, digests, no_votes) -> None:
    """Write the tables and pictures, print them, and say where they are."""
    from segan_tl.disk.ownership import mark
    from segan_tl.report.compare.matrix import CELL, SUBSET, by_number, summarise, write_rows
    from segan_tl.report.compare.matrix_figures import plot_matrix, plot_votes
    from segan_tl.report.compare.matrix_tables import print_matrix, print_votes

    part, synthetic = about["part"], about["synthetic"]
    cells, votes = summarise(scores.cells, CELL), summarise(scores.votes, SUBSET)
    ids = list(dict.fromkeys(row["case"] for row in scores.cells))
    numbers = ("dice", "std", "cases")
    on = f"{len(ids)} {part} case{'s' if len(ids) > 1 else ''}"
    mark(out, "matrix")
    write_rows(out / "matrix.csv", cells, columns=(*CELL, *numbers))
    write_rows(out / "matrix_cases.csv", scores.cells, columns=(*CELL[:-1], "case", CELL[-1], "dice"))
    plot_matrix(cells, out / "matrix.png", title=f"Models on every modality: {on}", synthetic=synthetic)
    print_matrix(cells, on=on, synthetic=synthetic)
    if votes:
        available = by_number(votes)
        write_rows(out / "votes.csv", votes, columns=(*SUBSET, *numbers))
        title = f"Votes of single-modality models: {on}"
        plot_votes(votes, available, out / "votes.png", title=title, synthetic=synthetic)
        print_votes(available, synthetic=synthetic)
        weights = ", ".join(f"{member.modality} {member.weight:.3f}" for member in members)
        console.print(f"weights of the votes, best validation Dice: {weights}", soft_wrap=True)
    else:
        for name in ("votes.csv", "votes.png"):
            (out / name).unlink(missing_ok=True)  # of an earlier comparison
    if no_votes:
        console.print(f"no votes: {no_votes}, and a vote takes one run a modality", soft_wrap=True)
    for case_id, reason in scores.failed.items():
        console.print(f"left out {case_id}: {reason}", markup=False, soft_wrap=True)
    results = {"cases": ids, "failed": scores.failed, "matrix": cells, "votes": votes, "votes_left_out": no_votes}
    _write_record(out / "matrix.json", about | results, members=members, digests=digests)
    files = ["matrix.csv", "matrix_cases.csv", "matrix.png", "matrix.json"]
    files += ["votes.csv", "votes.png"] if votes else []
    console.print(f"written to {out}: {', '.join(files)}", soft_wrap=True)


def _write_record(path, record, *, members, digests) -> None:
    """Write what was compared, on what, and how it came out."""
    from segan_tl.disk.atomic import write_json
    from segan_tl.environment import versions
    from segan_tl.predict.members import joint_settings

    runs = [
        {
            "run": str(member.run.root),
            "name": member.name,
            "trained_on": member.modality,
            "segmentor_sha256": digest,
            "best_validation_dice": member.state.get("best_dice"),
            "predict": member.config.predict.model_dump(mode="json"),
        }
        for member, digest in zip(members, digests)
    ]
    provenance = {
        "runs": runs,
        "regions": list(members[0].config.data.regions),
        "votes_settings": joint_settings(members).model_dump(mode="json") if record["votes"] else None,
        "versions": versions(),
    }
    write_json(path, provenance | record)
