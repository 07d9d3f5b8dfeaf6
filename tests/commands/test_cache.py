"""The command cache: it counts, and removes what is asked for."""

import os
import time

import numpy as np

from segan_tl.__main__ import main
from segan_tl.data.arrays import write_arrays


def test_it_says_what_is_there_and_removes_what_is_idle(tmp_path, capsys):
    for case, days in (("a", 40), ("b", 0)):
        path = tmp_path / case / f"image-{'0' * 20}.npy"
        write_arrays({"image": path}, {"image": (np.zeros(10**6), "0" * 64)})
        then = time.time() - days * 86_400
        os.utime(path, (then, then))
    assert main(["cache", "--cache", str(tmp_path)]) == 0
    said = capsys.readouterr().out
    # Twice 8 MB.
    assert "0.02 GB in 2 prepared files of 2 cases" in said
    assert "0.01 GB in 1 prepared files of it not used for 30 days: --remove-unused 30 removes it" in said
    assert main(["cache", "--cache", str(tmp_path), "--remove-unused", "30"]) == 0
    said = capsys.readouterr().out
    assert "removed 0.01 GB in 1 prepared files of 1 case\n" in said and "not used" not in said
    assert not (tmp_path / "a").exists() and (tmp_path / "b").is_dir()


def test_a_cache_that_is_not_there_is_one_sentence(tmp_path, capsys):
    assert main(["cache", "--cache", str(tmp_path / "nowhere")]) == 2
    assert "there is none at" in capsys.readouterr().err
