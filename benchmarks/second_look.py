"""Which answers want a second look: how well that is told of synthetic patients and of patients, none of them seen.

    python benchmarks/second_look.py --out second_look
    python benchmarks/second_look.py --out second_look --patients BraTS2021 BraTS2018

Networks of the zoo, which have seen simulated patients of one scanner alone, segment hard ones of two scanners, and
patients. Each patient's Dice is foreseen by what was learnt from the others; last, what was learnt from the synthetic
ones is applied to patients. Beside all signs: the first two by themselves. Columns: Spearman's rank correlation of
predicted and true Dice; mean absolute error, and that of guessing the mean; area under the risk–coverage curve, that
by chance and that of the best order; of the answers with a Dice below 0.6, how many are among the worst fifth, how
many could be, how many there are. What each network says of each case is kept in OUT, so that a second call is short.
"""

import argparse
import json
import shutil
from pathlib import Path

import numpy as np

from segan_tl.commands import second_look as command
from segan_tl.data.phantom.write import write_cohort
from segan_tl.disk.atomic import write_json, write_text
from segan_tl.predict.signs import SIGNS
from segan_tl.report.review.figure import plot_review
from segan_tl.report.review.learn import Scored, apply_weights, choose_signs, fit, foresee, judge_foresight
from segan_tl.workflow.answers import score_plan
from segan_tl.workflow.second_look import make_plan
from segan_tl.workflow.wrapped import parse

SCANNERS = {"hard3t": ("glioma-3t", 4242), "hard15t": ("glioma-1.5t", 4243)}
FLAIR, FOUR = ("zoo:segan_flair",), ("zoo:segan_all",)
VOTE = tuple(f"zoo:segan_{name}" for name in ("t1", "t1c", "t2", "flair"))
HEADS = (
    "cases", "network", "signs", "n", "mean Dice", "Spearman", "error (mean alone)", "area (chance, best)",
    "failures caught (could, all)",
)  # fmt: skip


def write_phantoms(folder: Path, *, cases: int) -> Path:
    """Write hard patients of both scanners, under names that no training of the zoo has had."""
    for name, (cohort, seed) in SCANNERS.items():
        if (folder / f"{name}-{cases:04d}").is_dir():
            continue
        source = folder.with_name(f"{folder.name}-{name}")
        write_cohort(source, cohort, cases=cases, shape=(120, 120, 77), seed=seed, variety="hard")
        for case in sorted(path for path in source.iterdir() if path.is_dir()):
            place = folder / f"{name}-{case.name[-4:]}"
            place.mkdir(parents=True, exist_ok=True)
            for file in case.iterdir():
                file.rename(place / file.name.replace(case.name, place.name))
        shutil.rmtree(source)
    return folder


def score(networks, folders, kept: Path) -> list[Scored]:
    """Return the signs and the Dice of every case of some folders; those of an earlier call where they are kept."""
    if kept.is_file():
        return [Scored(**case) for case in json.loads(kept.read_text())["cases"]]
    together, cases = ["--vote", "majority"] if len(networks) > 1 else [], []
    for folder in folders:
        words = [*networks, "--data", str(folder), "--out", str(kept.with_name("review.json")), *together]
        cases += score_plan(make_plan(parse(command, "second-look", words)), skip=False)
    write_json(kept, {"cases": [case._asdict() for case in cases]})
    return cases


def row(cases, foreseen, *words) -> list[str]:
    """Return a line of the table."""
    found = judge_foresight(cases, foreseen)
    rank = "–" if found.spearman is None else f"{found.spearman:.2f}"
    return [
        *words, str(found.cases), f"{np.mean([case.dice for case in cases]):.3f}", rank,
        f"{found.mae:.3f} ({found.guess_mae:.3f})",
        f"{found.area:.3f} ({found.blind_area:.3f}, {found.best_area:.3f})",
        f"{found.caught:.3g} ({found.could}, {found.failures})",
    ]  # fmt: skip


def rows_of(cases, *words) -> list[list[str]]:
    """Return the lines of some cases, each foreseen by the others, of all signs and of the first two alone."""
    chosen = {"all": choose_signs(cases), **{name: (name,) for name in SIGNS[:2]}}
    return [row(cases, foresee(cases, names), *words, signs) for signs, names in chosen.items()]


def main() -> None:
    """Segment what is not kept; print and write the table, and a picture of each first line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, metavar="DIR")
    parser.add_argument("--patients", type=Path, nargs="+", default=[], metavar="DIR", help="labelled, one layout each")
    parser.add_argument("--cases", type=int, default=50, help="synthetic patients of each scanner")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    phantoms = write_phantoms(arguments.out / "phantoms", cases=arguments.cases)
    asked = {("synthetic, two scanners", "flair"): (FLAIR, [phantoms])}
    if arguments.patients:
        named = {"flair": FLAIR, "four, three regions": FOUR, "vote of four": VOTE}
        asked |= {("patients", name): (networks, arguments.patients) for name, networks in named.items()}
    lines, scored = [], {}
    for place, (words, (networks, folders)) in enumerate(asked.items()):
        cases = scored[words] = score(networks, folders, arguments.out / f"scored{place}.json")
        lines += rows_of(cases, *words)
        predicted, _, told = foresee(cases, choose_signs(cases))
        title = f"{', '.join(words)}: each by the others"
        plot_review([case.dice for case in cases], predicted, told, arguments.out / f"{place}.png", title=title)
    if arguments.patients:
        (_, learnt), patients = next(iter(scored.items())), scored["patients", "flair"]
        foreseen = apply_weights(fit(learnt, choose_signs(learnt)), patients)
        lines.append(row(patients, foreseen, "patients, learnt from synthetic ones", "flair", "all"))
    table = "\n".join(f"| {' | '.join(line)} |" for line in (HEADS, ["---"] * len(HEADS), *lines))
    write_text(arguments.out / "second_look.md", table + "\n")
    print(table)


if __name__ == "__main__":
    main()
