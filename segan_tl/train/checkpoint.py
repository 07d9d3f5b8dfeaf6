"""The two checkpoints of a run: best/ to use, last/ to resume from exactly."""

import dataclasses
from pathlib import Path

import keras
import numpy as np

from segan_tl.disk.atomic import recover, write_json
from segan_tl.disk.manifest import atomic_checkpoint, verify
from segan_tl.errors import UserError
from segan_tl.models.weights import load_network, save_network
from segan_tl.runs import Run, read_json
from segan_tl.train.loop import Progress
from segan_tl.train.machines.link import ALONE

VARIABLES, PROGRESS = "training.npz", "progress.json"


def save_best(
    run: Run, networks: dict[str, keras.Model], *, provenance: dict, files: dict[str, bytes] | None = None
) -> None:
    """Publish the networks as the run's best; one that stood still, in `files`, as the very file it came from."""
    with atomic_checkpoint(run.best) as folder:
        for name, network in networks.items():
            file = folder / f"{name}.keras"
            if name not in (files or {}):
                save_network(network, file, provenance | {"network": name})
                continue
            file.write_bytes(files[name])
            for ours, theirs in zip(network.weights, load_network(file).weights, strict=True):
                if not np.array_equal(ours, theirs):
                    raise RuntimeError(f"the frozen {name} moved: {ours.path}")


def require_there(run: Run) -> None:
    """See that a run which is being trained is still where it was.

    Raises:
        UserError: it was removed or moved.
    """
    if not run.config.is_file():
        raise UserError(
            f"{run.root} was removed or moved while it was being trained: {run.config} is gone, so nothing more is "
            "written; put it back and run the same command again"
        )


def save_last(run: Run, game, progress: Progress, *, provenance: dict, link=ALONE) -> None:
    """Save all that training needs to go on as if nothing had happened; of several workers, the chief does."""
    if link.is_chief:
        require_there(run)
    # A metric is the sum over all replicas: every worker has to take part in reading it.
    variables = {name: np.asarray(value) for name, value in game.variables().items()}
    if not link.is_chief:
        return
    with link.writing, atomic_checkpoint(run.last) as folder:
        for name, network in game.networks.items():
            save_network(network, folder / f"{name}.keras", provenance | {"network": name})
        np.savez(folder / VARIABLES, **variables)
        write_json(folder / PROGRESS, dataclasses.asdict(progress))


def restore_last(run: Run, game, link=ALONE) -> Progress | None:
    """Put the saved state back into a game that was built for the same configuration.

    Args:
        run: that goes on.
        game: networks, optimizers and metrics.
        link: to other workers; only the chief mends what a kill has left half done.

    Returns:
        How far training got, or None where nothing was saved yet.

    Raises:
        UserError: the checkpoint is damaged, or belongs to other networks.
    """
    if link.is_chief:
        recover(run.last)
    if not run.last.is_dir():
        return None
    verify(run.last)
    for name, network in game.networks.items():
        file = run.last / f"{name}.keras"
        copy_weights(load_network(file), network, source=file)
    with np.load(run.last / VARIABLES, allow_pickle=False) as saved:
        for name, variable in game.variables().items():
            variable.assign(saved[name])
    saved = read_json(run.last / PROGRESS)
    return Progress(**{field.name: saved[field.name] for field in dataclasses.fields(Progress) if field.name in saved})


def copy_weights(source_network: keras.Model, network: keras.Model, *, source: Path) -> None:
    """Copy the weights of every layer to the layer of the same name.

    Raises:
        UserError: the networks do not have the same layers.
    """
    names = [layer.name for layer in network.layers if layer.weights]
    found = [layer.name for layer in source_network.layers if layer.weights]
    if names != found:
        different = sorted(set(names) ^ set(found))
        raise UserError(f"{source} has other layers than this configuration builds: {', '.join(different[:6])}")
    for name in names:
        network.get_layer(name).set_weights(source_network.get_layer(name).get_weights())
