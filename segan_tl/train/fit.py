"""The recipe of a training, from top to bottom: split → prepare → build or load → play → save."""

import functools
import hashlib
import platform
import subprocess
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from segan_tl.config.base import open_shares
from segan_tl.config.schema import Config
from segan_tl.console import console
from segan_tl.data.learnt import Learnt, run_patients
from segan_tl.data.sample import WHOLE, Part
from segan_tl.disk.atomic import write_json
from segan_tl.environment import versions
from segan_tl.errors import UserError
from segan_tl.runs import Run
from segan_tl.train.callbacks import ProgressLine, Record, TensorBoard
from segan_tl.train.checkpoint import restore_last, save_last
from segan_tl.train.loop import Interruption, Progress, run_epochs
from segan_tl.train.machines.link import ALONE
from segan_tl.train.recipes import build_judge, build_training, make_batches_of
from segan_tl.train.start.begin import unchanged_critic
from segan_tl.train.start.freeze import freeze_alike
from segan_tl.train.start.renormalise import unlabelled_images
from segan_tl.train.start.teacher import find_teacher
from segan_tl.train.start.weights import find_start
from segan_tl.train.steps.parts import check_batch, unlike_one_batch
from segan_tl.train.validation import Validation, choose_validated, publisher

TRANSFER_SEED = 2**20  # added to the seed of the first weights of a transfer
# What of `data` decides how an image is prepared.
PREPARATION = {"crop", "percentiles", "normalise", "spacing_mm", "patch"}


def fit(
    run: Run,
    config: Config,
    cases: dict[str, list],
    *,
    strategy: tf.distribute.Strategy,
    segment: Callable,
    data: dict,
    command: str | None = None,
    link=ALONE,
) -> bool:
    """Train on prepared cases, or go on where the run stopped.

    Where the first weights come from: this run's last checkpoint, else the run or file that `transfer.source` or
    `model.pretrained` names, else the seed. On several machines every worker calls it with the same, and the chief
    alone writes.

    Args:
        run: where everything is written; config.json, splits.json and patients.json are there already.
        config: the configuration.
        cases: "train", "validation" and, with a second cohort, "source" → prepared cases.
        strategy: devices.
        segment: (model, slices (D, h, w, M)) → share of the largest component → masks (D, h, w, R), bool, for
            validation.
        data: what run.json says of the cohort.
        command: what the user typed, for run.json.
        link: to the workers on other machines.

    Returns:
        True when training is complete, False when a signal interrupted it (everything is saved).
    """
    replicas = strategy.num_replicas_in_sync
    check_batch(config, replicas, workers=link.count)
    keras.utils.set_random_seed(config.seed)
    tf.config.experimental.enable_op_determinism()
    keras.config.set_dtype_policy(config.train.precision)

    # === Data ===
    here = replicas // link.count
    part = Part(link.index * here, here, replicas) if link.count > 1 else WHOLE
    batches_of, steps = make_batches_of(cases["train"], config, second=cases.get("source", ()), part=part)

    # === Networks ===
    judge = build_judge(config)
    start = find_start(config, run, resuming=run.last.is_dir())
    teacher = find_teacher(config, run, resuming=run.last.is_dir())
    with strategy.scope():
        # What is new in a transfer must not start where the source of the same seed did.
        keras.utils.set_random_seed(config.seed + (TRANSFER_SEED if config.transfer else 0))
        game = build_training(
            config, replicas=replicas, steps=steps, start=start, teacher=teacher,
            images=functools.partial(unlabelled_images, cases["train"], config),
        )  # fmt: skip
        progress = restore_last(run, game, link) or Progress()
    _require_same_weights(game, link)
    freeze_alike(judge, game.segmentor)
    if remark := unlike_one_batch(game.networks.values(), config):
        console.print(remark, soft_wrap=True)

    # === Game ===
    provenance = describe(config, data=data, replicas=replicas, command=command)
    if start:
        provenance["pretrained"] = start.record
    learnt = Learnt.of(run_patients(run)) | (start.learnt_from if start else Learnt())
    if teacher:
        provenance["teacher"] = {"run": str(teacher.path), "sha256": teacher.digest}
        learnt |= teacher.learnt_from
    critic = unchanged_critic(start, run, config)
    published = provenance | learnt.describe()
    if link.is_chief:
        _write_state(run, "training", progress, provenance)
    validated = choose_validated(cases["validation"], most=config.train.validate_cases, seed=config.seed)
    if len(validated) < len(cases["validation"]):
        console.print(
            f"validation: {len(validated)} of {len(cases['validation'])} cases, the same every time "
            "(train.validate_cases)", soft_wrap=True,
        )  # fmt: skip
    validation = Validation(
        game, judge, segment=segment, shares=open_shares(config.predict), cases=validated,
        every=min(config.train.validate_every, config.train.epochs), progress=progress,
        publish=publisher(
            game, judge, run, provenance=published, files={"critic": critic} if critic else {}, link=link
        ),
    )  # fmt: skip
    record = Record(game, run, progress=progress, patience=config.train.patience, provenance=provenance, link=link)
    shown = []
    if link.is_chief:
        bar = ProgressLine(epochs=config.train.epochs, steps=steps, progress=progress)
        shown = [TensorBoard(run, validation), bar]
    callbacks = keras.callbacks.CallbackList([validation, record, *shown], model=game.segmentor)
    patience = config.train.patience
    game.segmentor.stop_training = patience is not None and progress.epoch > 0 and progress.wait() >= patience
    with Interruption(link) as interruption:
        if config.transfer and config.transfer.judge_start and progress.best < 0:
            validation.judge_start(interruption)
        complete = run_epochs(
            game, strategy, batches_of=batches_of, epochs=config.train.epochs, progress=progress, validate=validation,
            callbacks=callbacks, interruption=interruption,
        )  # fmt: skip
        if not complete:
            save_last(run, game, progress, provenance=provenance, link=link)
    if link.is_chief:
        _write_state(run, "finished" if complete else "interrupted", progress, provenance)
    return complete


def _require_same_weights(game, link) -> None:
    """Refuse to train on several machines that begin with different weights.

    Raises:
        UserError: they do.
    """
    if link.count == 1:
        return
    digest = hashlib.sha256()
    for network in game.networks.values():
        for weight in network.get_weights():
            digest.update(np.ascontiguousarray(weight))
    found = link.gather("weights", digest.hexdigest())
    if different := [link.roster.name(i) for i, theirs in enumerate(found) if theirs != found[0]]:
        raise UserError(
            f"{', '.join(different)} begins with other weights than {link.roster.name(0)}: expected machines that "
            "compute the same of the same files; give all of them the same processors, and one disk"
        )


def describe(config: Config, *, data: dict, replicas: int, command: str | None = None) -> dict:
    """Return what a checkpoint says of itself: modalities, regions, preparation, data, versions, commit."""
    return {
        "name": config.name,
        "modalities": list(config.data.modalities),
        "regions": list(config.data.regions),
        "preparation": config.data.model_dump(mode="json", include=PREPARATION),
        "seed": config.seed,
        "replicas": replicas,
        "precision": config.train.precision,
        "data": data,
        "command": command,
        "transfer": None if config.transfer is None else config.transfer.model_dump(mode="json"),
        "versions": versions() | {"python": platform.python_version()},
        "commit": _commit(),
    }


def _write_state(run: Run, state: str, progress: Progress, provenance: dict) -> None:
    best = progress.best if progress.best >= 0 else None
    reached = {"epochs": progress.epoch, "best_epoch": progress.best_epoch, "best_dice": best}
    reached["smallest_component"] = progress.smallest_component
    write_json(run.state, {"state": state, **reached, **provenance})


def _commit() -> str | None:
    """Return the commit of the checkout that this code runs from, None outside of one."""
    folder = Path(__file__).parent
    try:
        answer = subprocess.run(
            ["git", "rev-parse", "HEAD"], cwd=folder, capture_output=True, encoding="utf-8", check=False
        )
    except OSError:
        return None
    return answer.stdout.strip() or None
