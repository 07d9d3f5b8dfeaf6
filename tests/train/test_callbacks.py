"""What is shown while a network is trained."""

import io

import pytest

from segan_tl.console import PlainConsole
from segan_tl.train import callbacks
from segan_tl.train.loop import Progress


@pytest.mark.parametrize("terminal", [True, False])
def test_the_line_of_every_epoch_stays(monkeypatch, terminal):
    """A terminal shows a live line besides, which moves; what it overwrites is never an epoch's line."""
    written = io.StringIO()
    monkeypatch.setattr(callbacks, "console", PlainConsole(file=written, force_terminal=terminal, width=100))
    progress = Progress()
    line = callbacks.ProgressLine(epochs=3, steps=2, progress=progress)
    line.on_train_begin()
    for epoch in range(3):
        for step in range(2):
            line.on_train_batch_end(step)
        progress.best = max(progress.best, 0.1 * epoch)
        line.on_epoch_end(epoch, {"loss_segmentor": 1.5 - epoch, "dice": 0.1 * epoch})
    line.on_train_end()
    expected = [
        "epoch 1/3  segmentor 1.5000  Dice 0.000 (best 0.000)",
        "epoch 2/3  segmentor 0.5000  Dice 0.100 (best 0.100)",
        "epoch 3/3  segmentor -0.5000  Dice 0.200 (best 0.200)",
    ]
    shown = [one for one in screen(written.getvalue()) if "segmentor" in one]
    assert [one[: len(text)] for one, text in zip(shown, expected, strict=True)] == expected
    assert all(("left" in one) is not terminal for one in shown)


def screen(text: str) -> list[str]:
    """Return the lines that stand on a terminal after a text with the few commands that rich uses."""
    lines, row = [""], 0
    while text:
        if text.startswith("\x1b["):
            end = next(place for place in range(2, len(text)) if text[place].isalpha())
            command, number = text[end], int(text[2:end] or 1) if text[2:end].isdigit() or end == 2 else 1
            if command == "A":
                row = max(row - number, 0)
            elif command == "K":
                lines[row] = ""
            text = text[end + 1 :]
            continue
        letter, text = text[0], text[1:]
        if letter == "\n":
            row += 1
            lines += [""] * (row + 1 - len(lines))
        elif letter != "\r":
            lines[row] += letter
    return lines


def test_the_time_left_counts_neither_the_start_nor_what_was_before_an_interruption(monkeypatch):
    written, clock = io.StringIO(), [0.0]
    monkeypatch.setattr(callbacks, "console", PlainConsole(file=written, force_terminal=False, width=100))
    monkeypatch.setattr(callbacks.time, "monotonic", lambda: clock[0])
    line = callbacks.ProgressLine(epochs=6, steps=100, progress=Progress(epoch=0, step=95))
    line.on_train_begin()
    for step, took_s in zip(range(95, 100), (60, 0.1, 0.1, 0.1, 0.1)):  # the first one compiles for a minute
        clock[0] += took_s
        line.on_train_batch_end(step)
    for epoch, took_s in enumerate((4, 12, 13)):  # the validation of the first epoch, then whole epochs
        clock[0] += took_s
        line.on_epoch_end(epoch, {"loss_segmentor": 1.0})
    # An epoch takes 100 · 0.1 s and 4 s of validation, five are left; then 12 s, and 12.5 s on average.
    said = [text.rpartition("1.0000  ")[2] for text in written.getvalue().splitlines() if "segmentor" in text]
    assert said == [f"{callbacks.duration(seconds)} left" for seconds in (70, 48, 37.5)]


def test_no_time_left_is_told_where_nothing_was_measured():
    pace = callbacks.Pace(epochs=3, steps=10)  # went on in the validation of the first epoch
    assert pace.left_s(1, 100.0) is None
    assert pace.left_s(2, 130.0) == 30
    pace = callbacks.Pace(epochs=1, steps=10)
    assert pace.left_s(1, 100.0) == 0
