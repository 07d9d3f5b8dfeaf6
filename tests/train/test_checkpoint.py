"""Checkpoints: what a resumed transfer needs is in them, and nothing is written in place of a run that is gone."""

import shutil

import numpy as np
import pytest

from segan_tl.disk.atomic import write_json
from segan_tl.errors import UserError
from segan_tl.runs import Run
from segan_tl.train.callbacks import Record
from segan_tl.train.checkpoint import restore_last, save_last
from segan_tl.train.loop import Progress
from segan_tl.train.validation import publisher
from tests.small_transfer import make_batch, make_game


@pytest.mark.parametrize("how", ["at the end of an epoch", "the best so far", "after a signal"])
def test_a_removed_run_is_noticed_at_the_next_save(tmp_path, how):
    run, progress = Run(tmp_path / "segan" / "flair"), Progress()
    write_json(run.config, {})
    record = Record(None, run, progress=progress, patience=None, provenance={})
    record.on_epoch_begin(0)
    shutil.rmtree(run.root)
    save = {
        "at the end of an epoch": lambda: record.on_epoch_end(0, {"loss": 1.0}),
        "the best so far": publisher(None, None, run, provenance={}),
        "after a signal": lambda: save_last(run, None, progress, provenance={}),
    }[how]
    said = r"flair was removed or moved while it was being trained: .* put it back"
    with pytest.raises(UserError, match=said) as error:
        save()
    assert "\n" not in str(error.value) and not run.root.exists() and not progress.history


def test_a_transfer_goes_on_as_if_nothing_had_happened(tmp_path):
    """With the settings of [transfer], saved before a release: rates, moments, weights of the source, what waits."""
    settings = {"rate": 0.5, "warmup": 0.5, "unfreeze": 0.2, "l2_source": 0.1}  # the encoder waits for the third epoch
    train, batch = {"optimizer": "adamw", "averaging": 0.5, "clip_norm": 1.0}, make_batch()

    def play(game, epochs):
        for epoch in epochs:
            game.release(epoch)
            game.step(batch)

    game, run = make_game(train=train, **settings), Run(tmp_path)
    write_json(run.config, {})
    play(game, range(2))
    save_last(run, game, Progress(epoch=2), provenance={})
    play(game, (2, 3))
    resumed = make_game(train=train, seed=4, **settings)
    assert restore_last(run, resumed) == Progress(epoch=2)
    play(resumed, (2, 3))
    for one, other in zip(game.segmentor.weights, resumed.segmentor.weights, strict=True):
        assert np.array_equal(one, other), one.path
    ours, theirs = game.variables(), resumed.variables()
    assert ours.keys() == theirs.keys() and "source/0" in ours
    assert all(np.array_equal(ours[name], theirs[name]) for name in ours)
