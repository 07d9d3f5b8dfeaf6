"""Checkpoints of a run that is not where it was: nothing is written in its place."""

import shutil

import pytest

from segan_tl.disk.atomic import write_json
from segan_tl.errors import UserError
from segan_tl.runs import Run
from segan_tl.train.callbacks import Record
from segan_tl.train.checkpoint import save_last
from segan_tl.train.loop import Progress
from segan_tl.train.validation import publisher


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
