"""What comes over from a source, and what of it stands still: one table, whatever command or file names a row of it.

    strategy             starts anew          stands still          called in the paper
    full                 -                    -                     Full [G], Fine-Tuning [H]
    freeze-critic        -                    the critic            Seg. [G]
    freeze-critic-first  -                    its first stage       - [the code of G]
    freeze-critic-last   -                    its other stages      - [the code of G]
    critic-init          the segmentor        -                     - [the code of G]
    freeze-encoder       -                    the encoder           - [the code of G]
    freeze-decoder       -                    the decoder, head     Fine-Tuning (Frozen Decoder) [H]
    new-head             the head             -                     - [nnU-Net's loader, which the code of P uses]
    last-three           the last three       all the others        FT_LastThree [K]
    last-three-decoder   the last three       the encoder           FT_Decoder [K]
    last-three-all       the last three       -                     FT_All [K]

    [G] Giacomello 2020, IV-C; [H] Heras Rivera 2024, table 1; [K] Kaur 2019, second phase;
    [P] Parida 2024

Kaur replaces the last three layers in each of the three ways, so FT_Decoder is not freeze-encoder, which keeps them.

A layer that is new trains, in whichever part it stands: random weights that stand still are of no use. That is so for a
head of other regions, and for an input layer of other modalities.
"""

from dataclasses import dataclass

SEGMENTOR = ("encoder", "decoder", "head")
CRITIC = ("critic first", "critic rest")
LAST_THREE = "last three"


@dataclass(frozen=True)
class Strategy:
    """A row of the table; the parts are those of segan_tl/models/parts.py.

    Attributes:
        about: what it does, for people.
        frozen: parts that stand still, but for layers that are new.
        new: parts that start anew although the source has them.
        suffix: of a run's name; None for the strategy's own.
    """

    about: str
    frozen: tuple[str, ...] = ()
    new: tuple[str, ...] = ()
    suffix: str | None = None


STRATEGIES = {
    "full": Strategy("every weight comes over, all train", suffix=""),
    "freeze-critic": Strategy("every weight comes over, the critic stands still", CRITIC, suffix="frozen"),
    "freeze-critic-first": Strategy("every weight comes over, the critic's first stage stands still", CRITIC[:1]),
    "freeze-critic-last": Strategy("every weight comes over, the critic's other stages stand still", CRITIC[1:]),
    "critic-init": Strategy("the critic comes over and trains, the segmentor is new", new=SEGMENTOR),
    "freeze-encoder": Strategy("every weight comes over, the encoder stands still", ("encoder",)),
    "freeze-decoder": Strategy("every weight comes over, the decoder stands still", ("decoder", "head")),
    "new-head": Strategy("every weight but the head's comes over, all train", new=("head",)),
    "last-three": Strategy("last three layers new, all else stands still", SEGMENTOR, (LAST_THREE,)),
    "last-three-decoder": Strategy("last three layers new, the encoder stands still", ("encoder",), (LAST_THREE,)),
    "last-three-all": Strategy("last three layers new, all train", new=(LAST_THREE,)),
}
# Without weights of the source, for comparison: no rows, for nothing is moved.
WITHOUT_WEIGHTS = {
    "scratch": "no weight comes over: the same training from random ones",
    "combined": "no weight comes over: learn from both cohorts at once",
}
# The papers' words, and older spellings.
ALIASES = {
    "all": "full",
    "frozen-critic": "freeze-critic",
    "frozen-encoder": "freeze-encoder",
    "frozen-decoder": "freeze-decoder",
    "seg.": "freeze-critic",
    "fine-tuning": "full",
    "fine-tuning (frozen decoder)": "freeze-decoder",
    "ft_lastthree": "last-three",
    "ft_decoder": "last-three-decoder",
    "ft_all": "last-three-all",
}


def strategy_named(word: str) -> str:
    """Return the strategy of a name, an older spelling or a paper's word; an unknown word as it is."""
    return ALIASES.get(word.lower(), word.lower())


def moved_name(source: str, target: str, strategy: str) -> str:
    """Return the folder of what a strategy, or training without weights, makes of a source."""
    row = STRATEGIES.get(strategy)
    suffix = strategy if row is None or row.suffix is None else row.suffix
    return "-".join(filter(None, (f"{source}-to-{target}", suffix)))


def needs_critic(strategy: Strategy) -> bool:
    """Return whether a strategy is about the critic, so that it means nothing where none comes over."""
    return bool(set(strategy.frozen) & set(CRITIC)) or set(strategy.new) >= set(SEGMENTOR)
