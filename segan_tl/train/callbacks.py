"""What happens around the epochs: the last checkpoint, history, TensorBoard and the progress line."""

import csv
import io
import time

import keras
import numpy as np
import tensorflow as tf
from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from segan_tl.console import console, duration
from segan_tl.disk.atomic import write_text
from segan_tl.runs import Run
from segan_tl.train.checkpoint import require_there, save_last
from segan_tl.train.loop import Progress
from segan_tl.train.machines.link import ALONE
from segan_tl.train.validation import Validation


class Record(keras.callbacks.Callback):
    """Complete the epoch's row, write history.csv and the last checkpoint; stop when patience runs out.

    Of several workers each has it, and the chief's writes.
    """

    def __init__(self, game, run: Run, *, progress: Progress, patience: int | None, provenance: dict, link=ALONE):
        super().__init__()
        self.game, self.run, self.progress, self.patience, self.provenance = game, run, progress, patience, provenance
        self.link = link

    def on_epoch_begin(self, epoch, logs=None):
        """Start the clock."""
        self.started = time.monotonic()

    def on_epoch_end(self, epoch, logs=None):
        """Save."""
        if self.link.is_chief:
            require_there(self.run)
        # Over several replicas the rate is a mirrored variable, which float() does not take.
        rates = {
            f"learning_rate_{name}": float(keras.ops.convert_to_numpy(optimizer.learning_rate))
            for name, optimizer in self.game.optimizers.items()
        }
        row = {"epoch": epoch + 1, "seconds": round(time.monotonic() - self.started, 3), **logs, **rates}
        self.progress.history.append(row)
        if self.link.is_chief:
            write_history(self.run, self.progress.history)
        save_last(self.run, self.game, self.progress, provenance=self.provenance, link=self.link)
        if self.patience is not None and self.progress.wait() >= self.patience:
            console.print(f"No better validation Dice for {self.patience} epochs: training ends here.")
            self.game.segmentor.stop_training = True


class TensorBoard(keras.callbacks.Callback):
    """Write the row's scalars, and the slice of the first validation case with most tumour: image, truth, prediction.

    Stands after `validation` in the list, whose masks it shows.
    """

    def __init__(self, run: Run, validation: Validation):
        super().__init__()
        self.validation = validation
        self.writer = tf.summary.create_file_writer(str(run.tensorboard))
        image, truth = validation.cases[0].whole()
        self.row = int(truth[..., 0].sum(axis=(1, 2)).argmax())
        self.image, self.truth = _to_grey(image[self.row, ..., 0]), truth[self.row, ..., 0]

    def on_epoch_end(self, epoch, logs=None):
        """Write one step of the event file."""
        with self.writer.as_default(step=epoch + 1):
            for name, value in logs.items():
                tf.summary.scalar(name, value)
            if (epoch + 1) % self.validation.every == 0:
                found = self.validation.found[self.validation.share][self.row, ..., 0]
                panels = np.concatenate([self.image, self.truth, found], axis=1).astype(np.float32)
                tf.summary.image("image, truth, prediction", panels[None, ..., None])
        self.writer.flush()


class Pace:
    """How long the rest takes, by what this process did since its first step, which waits for the start and compiles.

    Its first epoch may be the rest of one that was interrupted: only from then on is every epoch a whole one.
    """

    def __init__(self, *, epochs: int, steps: int):
        self.epochs, self.steps = epochs, steps
        self.stepped_s: list[float] = []  # when steps of the first epoch here ended: the first, the last
        self.counted = 0
        self.first: tuple[int, float] | None = None  # the first epoch that ended here, and when

    def step(self, now_s: float) -> None:
        """Count a step that has ended."""
        if self.first is None:
            self.counted += 1
            self.stepped_s[1:] = [now_s]

    def left_s(self, epoch: int, now_s: float) -> float | None:
        """Return the seconds from the end of an epoch, the first being 1, to the last one's; None where none knows."""
        if self.first is not None:
            before, then_s = self.first
            return (now_s - then_s) / (epoch - before) * (self.epochs - epoch)
        self.first = epoch, now_s
        if epoch == self.epochs:
            return 0.0
        if self.counted < 2:
            return None
        start_s, last_s = self.stepped_s
        each_s = (last_s - start_s) / (self.counted - 1) * self.steps + now_s - last_s  # steps, then the validation
        return each_s * (self.epochs - epoch)


class ProgressLine(keras.callbacks.Callback):
    """Show epoch, losses, Dice and time left: one line an epoch, and below them a live one in a terminal."""

    def __init__(self, *, epochs: int, steps: int, progress: Progress):
        super().__init__()
        self.epochs, self.steps, self.progress = epochs, steps, progress
        columns = (
            TextColumn("{task.description}"),
            BarColumn(bar_width=None),
            TextColumn("ETA"),
            TimeRemainingColumn(compact=True),
        )
        self.bar = Bar(*columns, console=console, disable=not console.is_terminal, expand=True)

    def on_train_begin(self, logs=None):
        """Show the line."""
        done = self.progress.epoch * self.steps + self.progress.step
        self.pace = Pace(epochs=self.epochs, steps=self.steps)
        if done:
            best = f", best validation Dice {self.progress.best:.3f}" if self.progress.best_epoch else ""
            console.print(f"Going on in epoch {self.progress.epoch + 1} of {self.epochs}{best}.")
        self.task = self.bar.add_task("starting", total=self.epochs * self.steps, completed=done)
        self.bar.start()

    def on_train_batch_end(self, batch, logs=None):
        """Move on by one step."""
        self.pace.step(time.monotonic())
        self.bar.advance(self.task)

    def on_epoch_end(self, epoch, logs=None):
        """Say what the epoch brought."""
        dice_text = f"  Dice {logs['dice']:.3f} (best {self.progress.best:.3f})" if "dice" in logs else ""
        l1_text = f"  L1 {logs['l1']:.5f}" if "l1" in logs else ""
        text = f"epoch {epoch + 1}/{self.epochs}  segmentor {logs['loss_segmentor']:.4f}{l1_text}"
        text += f"{_domain_text(logs)}{dice_text}"
        self.bar.update(self.task, description=f"epoch {epoch + 1}/{self.epochs}{dice_text}")
        left_s = self.pace.left_s(epoch + 1, time.monotonic())
        if not console.is_terminal and left_s is not None:
            text += f"  {duration(left_s)} left"
        console.print(text, soft_wrap=True)  # above the live line, where it stays

    def on_train_end(self, logs=None):
        """Leave the terminal in order."""
        self.bar.stop()


def _domain_text(logs: dict) -> str:
    """Return how well the classifier of the domains does, where there is one."""
    if "loss_domain" not in logs:
        return ""
    strength = f", lambda {logs['lambda']:.2f}" if "lambda" in logs else ""
    return f"  domain {logs['loss_domain']:.4f}, told right {logs['domain_accuracy']:.0%}{strength}"


def write_history(run: Run, rows: list[dict]) -> None:
    """Write history.csv: one row per epoch, every column that any row has."""
    columns = list(dict.fromkeys(name for row in rows for name in row))
    text = io.StringIO()
    writer = csv.DictWriter(text, columns)
    writer.writeheader()
    writer.writerows(rows)
    write_text(run.history, text.getvalue())


def _to_grey(image: np.ndarray) -> np.ndarray:
    """Scale a slice to [0, 1]; a prepared slice of the SegAN pipeline fills that range already."""
    low, high = float(image.min()), float(image.max())
    return image if 0 <= low and high <= 1 else (image - low) / (high - low)
