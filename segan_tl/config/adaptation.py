"""Configuration of moving a network: from another run, and between two cohorts."""

from fractions import Fraction
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from segan_tl.config.base import Decay, PhantomConfig, PositiveWeight, Section, Weight
from segan_tl.config.strategies import STRATEGIES, strategy_named
from segan_tl.schemas.reading import Text


def exact(share: float) -> Fraction:
    """Return the fraction that a decimal number means: 7/10 for 0.7, so that a share of 10 is 7."""
    return Fraction(share).limit_denominator(10**6)


StrategyName = Annotated[
    Literal[tuple(STRATEGIES)],
    BeforeValidator(lambda word: strategy_named(word) if isinstance(word, str) else word),
]


class StartConfig(Section):
    """The networks that a run starts from, and which of their layers go on learning [Giacomello 2020, IV-C]."""

    source: Text  # a run, zoo:NAME, or a .keras file
    source_sha256: Text  # of its segmentor
    strategy: StrategyName = "full"  # what comes over and what stands still, as `transfer --strategy`
    inputs: dict[str, str | None] = {}  # modality of this run → modality of the source; None starts fresh
    # factor on the learning rates, the critic's too, of what came over; what is new keeps them whole
    rate: Annotated[float, Field(gt=0, le=1)] = 1.0
    # share of all steps in which every learning rate rises in a line from 0 to what it would be without
    warmup: Decay = 0.0
    # share of all epochs over which the segmentor is let go from its end: the head at once, the decoder in the middle,
    # the encoder at the end of them; until then weights and statistics of BatchNormalization stand still
    unfreeze: Decay = 0.0
    # times ½ Σ (w − w of the source)², of kernels and biases that came over, is a term of the loss [Li 2018, L2-SP]
    l2_source: Weight = 0.0
    # statistics of BatchNormalization that came over: the source's, or measured anew on the training images before the
    # training, without a label; of a network without BatchNormalization nothing is changed
    normalisation: Literal["source", "target"] = "source"
    judge_start: bool = False  # by the validation cases, too: where no epoch is better, what came over is published


class SourceCohortConfig(Section):
    """A second cohort that is learnt from beside the first: all of its cases train, none of them is tested."""

    phantom: PhantomConfig = PhantomConfig()  # synthetic, where no folder is given
    share: Annotated[float, Field(gt=0, lt=1)] = 0.5  # of the training examples
    synthetic: bool = False  # [source.phantom] trains along although the first cohort is a folder of patients

    def lack(self, examples: int) -> str | None:
        """Return what to change where one cohort has none of an epoch's examples; None where both have some.

        Args:
            examples: of an epoch; ⌊examples · share⌋ of them are the second cohort's.
        """
        second = int(exact(self.share) * examples)
        if 0 < second < examples:
            return None
        return (
            f"source.share {self.share:g} of the {examples} examples of an epoch (train.steps_per_epoch × "
            f"train.batch_size × train.accumulate) leaves none for the {'first' if second else 'second'} cohort; raise "
            "train.steps_per_epoch or train.batch_size, or bring source.share nearer to 0.5"
        )


class AdversaryConfig(Section):
    """The domain classifier [Ganin 2016; Heras Rivera 2024, 2.2]."""

    layer: Text | None = None  # whose output it sees; None: the first of the decoder that upsamples [the authors' code]
    classifier: Literal["pooled", "goat_repo"] = "pooled"  # "goat_repo": the authors', see models/dann.py
    weight: PositiveWeight = 0.02  # of its loss beside the segmentation's: 1/50
    reversal: bool = True  # of its gradient, where it enters the network
    strength: Weight = 1.0  # lambda of the reversal
    schedule: Literal["constant", "ganin"] = "constant"  # of lambda; "ganin" rises from 0 to `strength`
    # False: training reads no mask of the target, and its cases without one train too. They can neither validate nor
    # test: the masks of the validation cases choose the best epoch, and a test case needs one to be scored.
    target_labels: bool = True
