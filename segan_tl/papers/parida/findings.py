"""What each step is worth, with its interval, and whether that is what Parida 2024 says: computed, never typed."""

from typing import NamedTuple

from segan_tl.papers.findings import Finding, Side, compare_stated
from segan_tl.papers.parida.study import (
    COLUMNS,
    DICE,
    ENSEMBLE,
    FAMILIES,
    FINAL,
    FINETUNED,
    PRETRAINED,
    ROWS,
    SCRATCH,
    Study,
    scores_of,
)
from segan_tl.papers.parida.tables import SCORES
from segan_tl.papers.runs import AVERAGE
from segan_tl.papers.tables import ABSENT, Table

# Question → pairs of rows: the first is better, or not.
QUESTIONS = {
    "Does the pretraining alone beat training from scratch": [(PRETRAINED, SCRATCH)],
    "Does fine-tuning beat training from scratch": [(FINETUNED, SCRATCH)],
    "Does fine-tuning beat the pretraining alone": [(FINETUNED, PRETRAINED)],
    "Does the ensemble beat its members": [(ENSEMBLE, FINETUNED)],
    "Does post-processing beat none": [(FINAL, ENSEMBLE)],
}


class Answer(NamedTuple):
    """What a step is worth.

    Attributes:
        question: in words.
        first, second: rows of Table 3.
        score: DICE or HD95.
        gain: `statistics.Estimate` of first - second, the average over regions; None where scores are missing.
    """

    question: str
    first: str
    second: str
    score: str
    gain: tuple | None

    @property
    def word(self) -> str:
        """Return "yes" or "no" where the interval leaves out 0, else "not told"."""
        if self.gain is None or self.gain.low is None:
            return ABSENT
        low, high = (self.gain.low, self.gain.high) if self.score == DICE else (-self.gain.high, -self.gain.low)
        return "yes" if low > 0 else "no" if high < 0 else "not told"


def answer_questions(study: Study) -> list[Answer]:
    """Return the answer to every question, of each network and score, over the patients that both rows have."""
    return [
        Answer(question, first, second, score, _gain(study, first, second, score))
        for question, pairs in QUESTIONS.items()
        for pair in pairs
        for first, second in _rows(*pair)
        for score in SCORES
    ]


def _rows(first: str, second: str) -> list[tuple[str, str]]:
    """Return the pairs of rows of two starts, network by network; there is one ensemble."""
    def name(start: str, family: str) -> str:
        return start if start in ROWS else f"{start}-{family}"

    return list(dict.fromkeys((name(first, family), name(second, family)) for family in FAMILIES))


def _gain(study: Study, first: str, second: str, score: str):
    from segan_tl.data.find.patients import patient_of
    from segan_tl.report.compare.statistics import compare_pairs

    ours, theirs = (scores_of(study, row, score)[AVERAGE] for row in (first, second))
    cases = sorted(ours.keys() & theirs.keys())
    if not cases:
        return None
    pairs = ([scores[case] for case in cases] for scores in (theirs, ours))
    return compare_pairs(*pairs, [patient_of(case) for case in cases]).difference


def questions_table(study: Study) -> Table:
    """Return the answers, a line a network and score."""
    rows = []
    for one in answer_questions(study):
        heading, digits = SCORES[one.score]
        about = (one.question, f"{ROWS[one.first]} against {ROWS[one.second]}", heading)
        if one.gain is None:
            rows.append((*about, ABSENT, "0", ABSENT))
            continue
        low, high = one.gain.low, one.gain.high
        interval = "" if low is None else f" [{low:+.{digits}f}, {high:+.{digits}f}]"
        rows.append((*about, f"{one.gain.mean:+.{digits}f}{interval}", str(one.gain.n), one.word))
    return Table(("question", "of what", "score", "difference [95 %]", "patients", "answer"), rows)


def count_answers(study: Study) -> str:
    """Return how often the answer is yes, no, or not told, by lesion-wise Dice and by HD95."""
    answers = answer_questions(study)
    texts = []
    for score, (heading, _) in SCORES.items():
        words = [one.word for one in answers if one.score == score]
        counts = ", ".join(f"{words.count(word)} {word}" for word in ("yes", "no", "not told") if word in words)
        texts.append(f"by {heading.removesuffix(' in mm')} {counts or 'none yet'}")
    return "; ".join(texts)


def find_directions(study: Study) -> list[Finding]:
    """Compare what the paper's text says in words, and by the weights of its ensemble."""
    def side(row: str, column: str = AVERAGE) -> Side:
        return Side(ROWS[row], None, scores_of(study, row, DICE)[column])

    def find(what: str, first: str, others: list[str], column: str = AVERAGE) -> Finding:
        where = "" if column == AVERAGE else f", {COLUMNS[column]}"
        rivals = [side(row, column) for row in others]
        return compare_stated(f"{what}: lesion-wise Dice{where}", side(first, column), rivals, higher=True)

    scratch, tuned = ([f"{start}-{family}" for family in FAMILIES] for start in (SCRATCH, FINETUNED))
    return [
        *(find("The final method against training from scratch", FINAL, scratch, column) for column in COLUMNS),
        find("The ensemble against its members", ENSEMBLE, tuned),
        find("Post-processing against none", FINAL, [ENSEMBLE]),
        find("MedNeXt against nnU-Net, both fine-tuned", f"{FINETUNED}-mednext", [f"{FINETUNED}-nnunet"]),
    ]
