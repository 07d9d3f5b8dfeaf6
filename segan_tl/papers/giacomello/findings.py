"""Where the reproduction points the same way as Giacomello 2020, and where it does not."""

from segan_tl.papers.findings import Finding, Side, compare
from segan_tl.papers.giacomello.study import (
    MODALITY_NAMES,
    SINGLE,
    STRATEGY_NAMES,
    TARGETS,
    VARIANT_NAMES,
    Study,
    read_matrix,
)
from segan_tl.papers.giacomello.tables import NUMBERS
from segan_tl.papers.published import read_published
from segan_tl.papers.runs import read_scores


def find_directions(study: Study) -> list[Finding]:
    """Compare every finding of the paper with the runs that are there."""
    published = {name: table.rows for name, table in read_published(NUMBERS).items()}
    single = {
        modality: Side(MODALITY_NAMES[modality], row["dice"], read_scores(study.single(modality)))
        for modality, row in published["table2"].items()
    }
    return [
        *_variants(study, published),
        *_modalities(single),
        *_transfers(study, published, single),
        *_diagonal(study, published),
    ]


def _variants(study: Study, published: dict) -> list[Finding]:
    def side(label, variant, table):
        return Side(label, published[table][variant]["dice"], read_scores(study.variants[variant]))

    cat, segan = (side(VARIANT_NAMES[variant], variant, "table1") for variant in ("segan-cat", "segan"))
    with_dice, without = side("with", "segan", "table1_files"), side("without", "segan-no-dice", "table1_files")
    return [
        compare("Four modalities: SegAN-CAT against SegAN", cat, [segan]),
        compare("SegAN: with Dice loss against without", with_dice, [without]),
    ]


def _modalities(single: dict[str, Side]) -> list[Finding]:
    others = {name: [side for other, side in single.items() if other != name] for name in ("flair", "t1")}
    return [
        compare("FLAIR against the best other modality", single["flair"], others["flair"]),
        compare("T1 against the worst other modality", single["t1"], others["t1"], lowest=True),
    ]


def _transfers(study: Study, published: dict, single: dict[str, Side]) -> list[Finding]:
    def side(label, target, strategy, *, table):
        value = published[table][f"{target}-{strategy}"]["dice"]
        return Side(label, value, read_scores(study.transfer(target, strategy)))

    against_full, against_scratch = [], []
    for target in TARGETS:
        what = f"FLAIR to {MODALITY_NAMES[target]}: segmentor only against"
        frozen, full = (side(STRATEGY_NAMES[name], target, name, table="table3") for name in ("frozen", "full"))
        against_full.append(compare(f"{what} full", frozen, [full]))
        frozen, scratch = side(STRATEGY_NAMES["frozen"], target, "frozen", table="table3_files"), single[target]
        against_scratch.append(compare(f"{what} from scratch", frozen, [scratch._replace(label="from scratch")]))
    return against_full + against_scratch


def _diagonal(study: Study, published: dict) -> list[Finding]:
    cells, findings = read_matrix(study), []
    for trained_on in SINGLE:
        sides = {
            seen: Side(f"on {MODALITY_NAMES[seen]}", value, cells.get((trained_on, seen), {}))
            for seen, value in published["fig3"][trained_on].items()
        }
        own = sides.pop(trained_on)
        statement = f"{MODALITY_NAMES[trained_on]}'s model: its own modality against the best other"
        findings.append(compare(statement, own, list(sides.values())))
    return findings


def count_cases(study: Study) -> str:
    """Return over how many test patients the differences are paired."""
    cases = max((found.difference.cases for found in find_directions(study) if found.difference), default=0)
    return str(cases or "the")
