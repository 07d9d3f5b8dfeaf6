"""The recipe of a training, from top to bottom: split → prepare → build or load → play → save."""

import platform
import subprocess
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import keras
import tensorflow as tf

from segan_tl.config import Config
from segan_tl.console import console
from segan_tl.data.cache import CachedCase
from segan_tl.data.pipeline import SlicePool, make_batches, steps_per_epoch
from segan_tl.errors import UserError
from segan_tl.models.segan import build_critic, build_segmentor
from segan_tl.runs import Run, write_json
from segan_tl.train.callbacks import ProgressLine, Record, TensorBoard, Validation, publisher
from segan_tl.train.checkpoint import restore_last, save_last
from segan_tl.train.loop import Interruption, Progress, run_epochs
from segan_tl.train.segan import SeganGame
from segan_tl.train.source import Source
from segan_tl.train.transfer import describe_moves, freeze, start_from


def fit(
    run: Run,
    config: Config,
    cases: dict[str, list[CachedCase]],
    *,
    strategy: tf.distribute.Strategy,
    segment: Callable,
    data: dict,
    source: Source | None = None,
    command: str | None = None,
) -> bool:
    """Train SegAN on prepared cases, or go on where the run stopped.

    Where the first weights come from: this run's last checkpoint, else the best one of `source`, else the seed.

    Args:
        run: where everything is written; config.json and splits.json are there already.
        config: the configuration.
        cases: "train" and "validation" → prepared cases.
        strategy: devices.
        segment: (model, slices (D, h, w, M)) → masks (D, h, w, R), bool, for validation.
        data: what run.json says of the cohort.
        source: what `config.transfer` names, found and verified.
        command: what the user typed, for run.json.

    Returns:
        True when training is complete, False when a signal interrupted it (everything is saved).
    """
    replicas = strategy.num_replicas_in_sync
    _check_batch(config, replicas)
    keras.utils.set_random_seed(config.seed)
    tf.config.experimental.enable_op_determinism()
    keras.config.set_dtype_policy(config.train.precision)

    # === Data ===
    pool = SlicePool(cases["train"])
    batch_size = config.train.batch_size
    steps = steps_per_epoch(len(pool.all), config, batch_size)

    def batches_of(epoch: int, first_step: int) -> tf.data.Dataset:
        plan = pool.plan(config, epoch=epoch, batch_size=batch_size)
        return make_batches(pool, plan, config, batch_size=batch_size, first_step=first_step)

    # === Networks ===
    # Judged and published outside the scope: a plain model, whatever the number of replicas.
    judge = build_networks(config)[0]
    if config.transfer:
        freeze(judge, "segmentor", strategy=config.transfer.strategy)
    with strategy.scope():
        keras.utils.set_random_seed(config.seed)
        segmentor, critic = build_networks(config)
        critic_file = _start_from(segmentor, critic, source, config) if source else None
        game = SeganGame(
            segmentor, critic, config=config.train, replicas=replicas, total_steps=steps * config.train.epochs
        )
        progress = restore_last(run, game) or Progress()

    # === Game ===
    provenance = describe(config, data=data, replicas=replicas, command=command)
    learnt_from = {case.id for part in ("train", "validation") for case in cases[part]}
    learnt_from |= (source and source.learnt_from) or frozenset()
    published = provenance | {"learnt_from": sorted(learnt_from)}
    _write_state(run, "training", progress, provenance)
    callbacks = keras.callbacks.CallbackList(
        [
            Validation(
                game, judge, segment=segment, cases=cases["validation"],
                every=min(config.train.validate_every, config.train.epochs),
                progress=progress, publish=publisher(game, judge, run, provenance=published, critic_file=critic_file),
            ),
            Record(game, run, progress=progress, patience=config.train.patience, provenance=provenance),
            TensorBoard(run, judge, segment=segment, case=cases["validation"][0], every=config.train.validate_every),
            ProgressLine(epochs=config.train.epochs, steps=steps, progress=progress),
        ],
        model=segmentor,
    )  # fmt: skip
    segmentor.stop_training = progress.epoch > 0 and progress.wait() >= config.train.patience
    with Interruption() as interruption:
        complete = run_epochs(
            game, strategy, batches_of=batches_of, epochs=config.train.epochs, progress=progress, callbacks=callbacks,
            interruption=interruption,
        )  # fmt: skip
        if not complete:
            save_last(run, game, progress, provenance=provenance)
    _write_state(run, "finished" if complete else "interrupted", progress, provenance)
    return complete


def build_networks(config: Config) -> tuple[keras.Model, keras.Model]:
    """Build segmentor and critic for any height and width that the encoder can halve."""
    shape = (None, None, len(config.data.modalities))
    common = {
        "classes": len(config.data.regions),
        "leaky_slope": config.model.leaky_slope,
        "norm_momentum": config.model.norm_momentum,
    }
    segmentor = build_segmentor(shape, filters=config.model.filters, **common)
    critic = build_critic(
        shape, filters=config.model.critic_filters, critic_input=config.model.critic_input, clip=config.train.clip,
        **common,
    )  # fmt: skip
    return segmentor, critic


def _start_from(segmentor: keras.Model, critic: keras.Model, source: Source, config: Config) -> bytes | None:
    """Put the source's weights in, say what came over, and return the critic's file where it stands still as it is."""
    moved = start_from(
        segmentor, critic, source=source, settings=config.transfer, modalities=config.data.modalities,
        regions=config.data.regions,
    )  # fmt: skip
    for line in describe_moves(moved, config.transfer):
        console.print(line, markup=False, soft_wrap=True)
    still = config.transfer.strategy == "freeze-critic" and moved[1].whole
    return source.critic.read_bytes() if still else None


def describe(config: Config, *, data: dict, replicas: int, command: str | None = None) -> dict:
    """Return what a checkpoint says of itself: modalities, regions, preparation, data, versions, commit."""
    return {
        "name": config.name,
        "modalities": list(config.data.modalities),
        "regions": list(config.data.regions),
        "crop": list(config.data.crop),
        "percentiles": list(config.data.percentiles),
        "seed": config.seed,
        "replicas": replicas,
        "precision": config.train.precision,
        "data": data,
        "command": command,
        "transfer": None if config.transfer is None else config.transfer.model_dump(mode="json"),
        "versions": {name: version(name) for name in ("segan_tl", "tensorflow", "keras", "numpy")}
        | {"python": platform.python_version()},
        "commit": _commit(),
    }


def _write_state(run: Run, state: str, progress: Progress, provenance: dict) -> None:
    best = progress.best if progress.best_epoch else None
    reached = {"epochs": progress.epoch, "best_epoch": progress.best_epoch, "best_dice": best}
    write_json(run.state, {"state": state, **reached, **provenance})


def _commit() -> str | None:
    """Return the commit of the checkout that this code runs from, None outside of one."""
    folder = Path(__file__).parent
    try:
        answer = subprocess.run(["git", "rev-parse", "HEAD"], cwd=folder, capture_output=True, text=True, check=False)
    except OSError:
        return None
    return answer.stdout.strip() or None


def _check_batch(config: Config, replicas: int) -> None:
    if config.train.batch_size % replicas:
        raise UserError(
            f"train.batch_size {config.train.batch_size} cannot be shared by {replicas} replicas; choose a multiple, "
            f"for example --set train.batch_size={replicas * max(config.train.batch_size // replicas, 1)}"
        )
