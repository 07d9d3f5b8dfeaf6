"""The configuration: everything that decides a run, apart from the data itself, and that its sections fit together."""

from pydantic import model_validator

from segan_tl.config.adaptation import AdversaryConfig, SourceCohortConfig, StartConfig
from segan_tl.config.augment import AugmentConfig
from segan_tl.config.base import PhantomConfig, RunName, Section, Seed
from segan_tl.config.data import DataConfig
from segan_tl.config.model import ModelConfig
from segan_tl.config.predict import PredictConfig
from segan_tl.config.strategies import STRATEGIES, needs_critic
from segan_tl.config.train import LOSSES, CriticConfig, TrainConfig
from segan_tl.regions import REGIONS


class Config(Section):
    """Everything that decides a run, apart from the data itself; a section that is left out is done without."""

    name: RunName  # of the run's folder: runs/<name>/…
    seed: Seed = 0  # of everything random: split, first weights, order, augmentation
    phantom: PhantomConfig = PhantomConfig()
    data: DataConfig = DataConfig()
    augment: AugmentConfig = AugmentConfig()
    model: ModelConfig
    train: TrainConfig = TrainConfig()
    critic: CriticConfig | None = None
    predict: PredictConfig = PredictConfig()
    transfer: StartConfig | None = None
    source: SourceCohortConfig | None = None
    adversary: AdversaryConfig | None = None

    @property
    def classes(self) -> int:
        """Return the number of the network's output channels: background is one of them under a softmax."""
        return len(self.data.regions) + (self.model.activation == "softmax")

    @property
    def channels(self) -> int:
        """Return the number of the network's input channels: where modalities may be missing, a plane for each says so.

        The image itself, which is prepared, cached and shown to the critic, has one channel a modality; a network sees
        those of neighbouring slices, too, where the configuration asks for them.
        """
        return len(self.data.modalities) * (self.data.slices + self.data.any_subset)

    @property
    def any_contrast(self) -> bool:
        """Return whether the network takes one image of whatever modality: its training examples were painted so."""
        return self.phantom.contrast != "physics" and len(self.data.modalities) == 1 and not self.data.any_subset

    def misfit(self) -> str | None:
        """Return why the networks cannot take the patches; None where they can."""
        patch, coarsest = self.data.patch, self.model.coarsest
        if any(size % step for size, step in zip(patch, coarsest)):
            return (
                f"data.patch {list(patch)} must be divisible by {list(coarsest)}, by which the {self.model.family} of "
                "[model] divides it"
            )
        if self.model.row.axes and (patch[0] == 1) != (self.model.row.axes == 2):
            wanted = f"several slices for {self.model.family}" if patch[0] == 1 else f"1 slice for {self.model.family}"
            return f"data.patch {list(patch)} has {patch[0]} along D; expected {wanted}"
        factor = 2 ** len(self.critic.filters) if self.critic else 1
        if any(size % factor for size in patch if size > 1):
            return (
                f"data.patch {list(patch)} must be divisible by {factor} = 2 ** len(critic.filters); give "
                "critic.filters fewer stages"
            )
        return None

    @model_validator(mode="after")
    def _slices_fit(self):
        if (self.data.sampling == "slices") != self.predict.whole_slices:
            raise ValueError("data.sampling 'slices' and predict.whole_slices = true go together")
        if self.predict.area == "window" and self.data.spacing_mm is not None:
            raise ValueError("predict.area 'window' counts voxels of the file; leave data.spacing_mm out beside it")
        if self.predict.whole_slices and self.model.family != "segan":
            raise ValueError(f"predict.whole_slices is for segan; expected false for {self.model.family}")
        return self

    @model_validator(mode="after")
    def _loss_fits(self):
        softmax = self.model.activation == "softmax"
        fitting = [name for name, (_, activation) in LOSSES.items() if activation == self.model.activation]
        if self.train.loss not in fitting:
            raise ValueError(
                f"train.loss {self.train.loss!r} does not go with model.activation {self.model.activation!r}; "
                f"expected one of {', '.join(fitting)}"
            )
        if softmax != (self.predict.decision == "largest"):
            wanted = "largest" if softmax else "threshold"
            raise ValueError(
                f"model.activation {self.model.activation!r} needs predict.decision = {wanted!r}, found "
                f"{self.predict.decision!r}"
            )
        labels = [label for region in self.data.regions for label in REGIONS[region]]
        if softmax and len(labels) > len(set(labels)):
            raise ValueError(
                f"model.activation 'softmax' needs regions that exclude each other, such as ncr, ed, et; found "
                f"{', '.join(self.data.regions)}"
            )
        return self

    @model_validator(mode="after")
    def _critic_fits(self):
        if self.critic is None:
            return self
        if self.critic.input == "mask" and self.classes not in (1, len(self.data.modalities)):
            raise ValueError(
                f"critic.input 'mask' multiplies images and masks; expected one of data.regions, or as many as "
                f"data.modalities, found {len(self.data.regions)} and {len(self.data.modalities)}"
            )
        return self

    @model_validator(mode="after")
    def _start_fits(self):
        if self.transfer and self.model.pretrained:
            raise ValueError("transfer and model.pretrained both name the first weights; leave one of them out")
        if self.transfer and self.critic is None and needs_critic(STRATEGIES[self.transfer.strategy]):
            raise ValueError(
                f"transfer.strategy {self.transfer.strategy!r} is about a critic, and there is no section [critic]; "
                "choose another, for example 'full'"
            )
        return self

    @model_validator(mode="after")
    def _cohorts_fit(self):
        if self.adversary and not self.source:
            raise ValueError("[adversary] tells two cohorts apart and needs the section [source] for the second one")
        examples = self.train.steps_per_epoch * self.train.examples_per_step
        # 0: an epoch is as long as the cohorts are large, which train/recipes.py knows.
        if self.source and examples and (lack := self.source.lack(examples)):
            raise ValueError(lack)
        return self

    @model_validator(mode="after")
    def _training_fits(self):
        weights = self.train.class_weights
        if weights is not None and len(weights) != self.classes:
            raise ValueError(f"train.class_weights has {len(weights)} values; expected {self.classes}")
        if weights is not None and not any(weights):
            raise ValueError("train.class_weights are all 0; expected at least one above it")
        if self.train.teacher and not self.data.any_subset:
            raise ValueError(
                "train.teacher sees all modalities where the network sees a part of them; expected data.subsets = "
                "'any' beside it, which --modality any sets"
            )
        if not any(self.train.loss_weights) and self.critic is None:
            raise ValueError("train.loss_weights are all 0; expected at least one above it")
        return self
