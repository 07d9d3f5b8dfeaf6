"""Validation while training: whole cases through the published network, and the best one kept."""

from collections.abc import Callable, Sequence

import keras
import numpy as np

from segan_tl.console import console
from segan_tl.data.cache import CachedCase
from segan_tl.disk.ownership import forget
from segan_tl.metrics.overlap import dice
from segan_tl.metrics.unions import unions, with_unions
from segan_tl.runs import Run
from segan_tl.train.checkpoint import require_there, save_best
from segan_tl.train.loop import Interruption, Progress
from segan_tl.train.machines.link import ALONE

_STREAM = 16  # beside the seed, of which cases are validated
LOST = 0.5  # of a case's Dice; more than that is no trimming


class Validation(keras.callbacks.Callback):
    """Segment the validation cases, add `dice_<region>` and `dice` to the epoch's row, keep the best.

    The loop calls it before the epoch counts as complete: what a signal interrupts, the resumed run does.
    `dice` is the mean over the regions of the network; those that labels add up to have a column and no say in it.
    Where the configuration leaves open below what share of the largest a component is dropped, the scores are those of
    the best share.

    Args:
        game: the game; `game.best_weights()` are what is judged.
        judge: a segmentor outside the strategy's scope that the weights are put into.
        segment: (model, slices (D, h, w, M)) → share of the largest component below which others are dropped → masks
            (D, h, w, R), bool; for every share of `shares`, and for 0.
        shares: to choose from.
        cases: the validation cases.
        every: epochs between two validations.
        progress: gets the best Dice and its epoch.
        publish: called when the mean Dice is the best so far.

    Attributes:
        scores: of the last validation: share → (cases, R + unions); None before it.
        found: share → masks (D, h, w, R) of the first case at the last validation, for TensorBoard; None before it.
        share: that the last validation chose.
    """

    def __init__(
        self,
        game,
        judge,
        *,
        segment: Callable,
        shares: Sequence[float],
        cases: Sequence[CachedCase],
        every: int,
        progress: Progress,
        publish: Callable[[], None],
    ):
        super().__init__()
        self.game, self.judge, self.segment, self.shares, self.cases = game, judge, segment, shares, cases
        self.every, self.progress, self.publish = every, progress, publish
        self.found = self.scores = self.share = None
        self.warned: set[str] = set()

    def __call__(self, epoch: int, interruption: Interruption) -> bool:
        """Judge the segmentor as it would be published now.

        Args:
            epoch: the one that ends, from 0.
            interruption: looked at before every case, for a few large volumes outlast the warning of a cluster.

        Returns:
            False where a signal came before the last case: nothing is kept of what was done.
        """
        return bool((epoch + 1) % self.every) or self._judge(interruption)

    def judge_start(self, interruption: Interruption) -> None:
        """Judge and publish what the training begins with, as epoch 0; a signal leaves it unjudged."""
        if not self._judge(interruption):
            return
        means = self._choose_share()
        self.progress.best, self.progress.best_epoch = means[self.share], 0
        self.progress.smallest_component = self.share
        self.publish()
        console.print(f"before the first epoch  Dice {self.progress.best:.3f}")

    def _judge(self, interruption: Interruption) -> bool:
        """Score the validation cases with every share; return False where a signal came before the last of them.

        Of several machines each judges its part of the cases.
        """
        for variable, weight in zip(self.judge.weights, self.game.best_weights(), strict=True):
            variable.assign(weight)
        link, scores = interruption.link, []
        for case in self.cases[link.index :: link.count]:
            if interruption.received is not None:
                break
            scores.append(self._scores(case))
        every = link.gather("validation", [list(case.items()) for case in scores])
        if sum(map(len, every)) < len(self.cases):
            interruption.is_agreed()
            return False
        # Worker i has judged cases i, i + count, …
        scores = [dict(map(tuple, every[i % link.count][i // link.count])) for i in range(len(self.cases))]
        self.scores = {share: np.array([case[share] for case in scores]) for share in scores[0]}
        return True

    def on_epoch_end(self, epoch, logs=None):
        """Add the scores to the row; publish the best."""
        if (epoch + 1) % self.every:
            return
        regions = self.cases[0].regions
        names, means = (*regions, *unions(regions)), self._choose_share()
        scores = self.scores[self.share]
        own = (found[:, : len(regions)].mean(axis=1) for found in (scores, self.scores[0]))
        self._warn_of_lost_tumour(*own)
        logs |= {f"dice_{region}": float(score) for region, score in zip(names, scores.mean(axis=0), strict=True)}
        logs["dice"] = means[self.share]
        if len(self.shares) > 1:
            logs["smallest_component"] = self.share
        if logs["dice"] > self.progress.best:
            self.progress.best, self.progress.best_epoch = logs["dice"], epoch + 1
            self.progress.smallest_component = self.share
            self.publish()

    def _choose_share(self) -> dict[float, float]:
        """Keep the share with the best mean Dice over cases and regions; return share → that mean."""
        count = len(self.cases[0].regions)
        means = {share: float(self.scores[share][:, :count].mean()) for share in self.shares}
        self.share = max(self.shares, key=lambda share: (means[share], share))
        return means

    def _scores(self, case: CachedCase) -> dict[float, list[float]]:
        image, truth = case.whole()
        found = self.segment(self.judge, image)
        if case is self.cases[0]:
            self.found = found
        truth, names = with_unions(truth, case.regions)
        found = {share: with_unions(masks, case.regions)[0] for share, masks in found.items()}
        return {
            share: [dice(truth[..., i], masks[..., i]) for i in range(len(names))] for share, masks in found.items()
        }

    def _warn_of_lost_tumour(self, kept: np.ndarray, all_components: np.ndarray) -> None:
        """Name, once, each case whose tumour was found and is dropped beside a false component that is larger."""
        for case, with_all, with_large in zip(self.cases, all_components, kept, strict=True):
            if case.id not in self.warned and with_large < LOST * with_all:
                self.warned.add(case.id)
                console.print(
                    f"{case.id}: dropping components below {self.share:g} of the largest deletes tumour that was found "
                    f"(Dice {with_all:.3f} → {with_large:.3f}): a false component is larger; "
                    + (
                        "a smaller share may be better, or let validation choose: --set "
                        "'predict.smallest_component=[0,0.1,0.25,0.5]'"
                        if len(self.shares) == 1
                        else "the other validation cases gain more by it"
                    ),
                    style="yellow",
                    soft_wrap=True,
                )


def choose_validated(cases: Sequence[CachedCase], *, most: int, seed: int) -> list[CachedCase]:
    """Return the cases that every validation judges: all, or of many as many as `most`, drawn once by the seed.

    Whole cases are segmented: those of a cohort of 1250, after every epoch, take as long as its training.
    """
    if len(cases) <= most:
        return list(cases)
    chosen = np.random.default_rng([seed, _STREAM]).choice(len(cases), most, replace=False)
    return [cases[place] for place in sorted(chosen)]


def publisher(
    game, judge, run: Run, *, provenance: dict, files: dict[str, bytes] | None = None, link=ALONE
) -> Callable[[], None]:
    """Return a function that saves the judged segmentor and the game's other networks as the run's best.

    Of several workers the chief's does, and the others' do nothing.
    """

    def publish() -> None:
        require_there(run)
        with link.writing:
            save_best(run, game.networks | {"segmentor": judge}, provenance=provenance, files=files)
            forget(run.root)

    if not link.is_chief:
        return lambda: None

    return publish
