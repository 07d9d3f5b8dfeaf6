"""Where the reproduction points the same way as Giacomello 2020, and where it does not."""

from segan_tl.papers.findings import Finding, Side, compare
from segan_tl.papers.giacomello.paper import (
    FIGURE_3,
    TABLE_1,
    TABLE_2,
    TABLE_3,
    TRANSFER_FILES,
    VARIANT_FILES,
)
from segan_tl.papers.giacomello.study import SINGLE, TARGETS, Study, read_matrix
from segan_tl.papers.giacomello.tables import MODALITY_NAMES, VARIANT_NAMES
from segan_tl.papers.runs import read_scores


def find_directions(study: Study) -> list[Finding]:
    """Compare every finding of the paper with the runs that are there."""
    scores = {name: read_scores(run) for name, run in study.variants.items()}
    cat, segan = (Side(VARIANT_NAMES[name], TABLE_1[name]["dice"], scores[name]) for name in ("segan-cat", "segan"))
    with_dice, without = (
        Side(label, VARIANT_FILES[name], scores[name])
        for label, name in (("with", "segan"), ("without", "segan-no-dice"))
    )
    single = {
        modality: Side(MODALITY_NAMES[modality], published, read_scores(study.single(modality)))
        for modality, published in TABLE_2.items()
    }
    others = {name: [side for other, side in single.items() if other != name] for name in ("flair", "t1")}
    findings = [
        compare("Four modalities: SegAN-CAT against SegAN", cat, [segan]),
        compare("SegAN: with Dice loss against without", with_dice, [without]),
        compare("FLAIR against the best other modality", single["flair"], others["flair"]),
        compare("T1 against the worst other modality", single["t1"], others["t1"], lowest=True),
    ]
    return [*findings, *_transfers(study, single), *_diagonal(study)]


def _transfers(study: Study, single: dict[str, Side]) -> list[Finding]:
    findings = []
    for target in TARGETS:
        full, frozen = (read_scores(study.transfer(target, strategy)) for strategy in ("full", "frozen"))
        findings.append(
            compare(
                f"FLAIR to {MODALITY_NAMES[target]}: segmentor only against full",
                Side("segmentor only", TABLE_3[target, "frozen"]["dice"], frozen),
                [Side("full", TABLE_3[target, "full"]["dice"], full)],
            )
        )
    for target in TARGETS:
        frozen = read_scores(study.transfer(target, "frozen"))
        findings.append(
            compare(
                f"FLAIR to {MODALITY_NAMES[target]}: segmentor only against from scratch",
                Side("segmentor only", TRANSFER_FILES[target, "frozen"], frozen),
                [single[target]._replace(label="from scratch")],
            )
        )
    return findings


def _diagonal(study: Study) -> list[Finding]:
    cells, findings = read_matrix(study), []
    for trained_on in SINGLE:
        sides = {
            seen: Side(f"on {MODALITY_NAMES[seen]}", FIGURE_3[trained_on][seen], cells.get((trained_on, seen), {}))
            for seen in SINGLE
        }
        own = sides.pop(trained_on)
        statement = f"{MODALITY_NAMES[trained_on]}'s model: its own modality against the best other"
        findings.append(compare(statement, own, list(sides.values())))
    return findings
