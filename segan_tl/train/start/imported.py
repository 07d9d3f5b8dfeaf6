"""A network from elsewhere as one of ours: channels and outputs by our names, a .keras file, a run for `predict`."""

from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

import keras

from segan_tl.config.load import validate
from segan_tl.config.schema import Config
from segan_tl.data.find.layouts import label_of, modality_of, region_of
from segan_tl.disk.atomic import atomic_folder, atomic_path, write_json
from segan_tl.disk.lock import training_lock
from segan_tl.disk.ownership import kind_of, mark
from segan_tl.errors import UserError
from segan_tl.models import publish
from segan_tl.models.weights import save_network
from segan_tl.regions import ED, ET, LESION, MODALITIES, NCR, RC, REGIONS
from segan_tl.runs import Run
from segan_tl.train.checkpoint import save_best

LONGEST = 1000  # letters or entries that are taken over from a file
OWN = {NCR: "ncr", RC: "rc", ED: "ed"}


def name_modalities(channels: Sequence[str], *, count: int, stated: Sequence[str] = ()) -> tuple[str, ...]:
    """Return our names of a network's input channels.

    Args:
        channels: names in its dataset.json.
        count: number of its input channels.
        stated: what the user says they are; counts more.

    Raises:
        UserError: a name is not understood, or their number is another.
    """
    names = tuple(stated) or tuple(modality_of(name) for name in channels)
    if len(names) != count or len(set(names)) != count or not set(names) <= set(MODALITIES):
        raise UserError(
            f"the network sees {count} channels, expected each to be one of {', '.join(MODALITIES)}; found "
            f"{', '.join(stated or channels) or 'no names'}: state them in order, such as --modalities t1,t1c,t2,flair"
        )
    return names


def name_regions(
    outputs: Sequence[str], *, count: int, activation: str, stated: Sequence[str] = ()
) -> tuple[str, ...]:
    """Return our names of a network's outputs, without the background of a softmax.

    Args:
        outputs: names in its dataset.json, background included where it is an output.
        count: number of its output channels.
        activation: "softmax" or "sigmoid".
        stated: what the user says they are, without background; counts more.

    Raises:
        UserError: a name is not understood, or their number is another.
    """
    background = activation == "softmax"
    names = tuple(stated) or tuple(_region(name) for name in outputs[background:])
    if len(names) != count - background or len(set(names)) != len(names) or not set(names) <= set(REGIONS):
        what = "labels" if background else "regions"
        raise UserError(
            f"the network has {count - background} {what}, expected each to be another of {', '.join(REGIONS)}; found "
            f"{', '.join(stated or outputs) or 'no names'}: state them in order, such as --regions wt,tc,et"
        )
    return names


def save_imported(model: keras.Model, path: Path, provenance: dict) -> None:
    """Write a .keras file atomically, with what is known of its origin."""
    with atomic_path(path) as temporary:
        save_network(model, temporary, plain(provenance | {"versions": _versions()}))


def write_run(run: Run, model: keras.Model, config: Config, *, provenance: dict, overwrite: bool = False) -> None:
    """Write a run directory that `predict` segments with: configuration, state and best checkpoint.

    Args:
        run: where to.
        model: network with a layer `logits`.
        config: see `configure`.
        provenance: of the checkpoint.
        overwrite: replace a run that is there, once the new one is whole; what is not ours in its folder stays.

    Raises:
        UserError: the folder holds something.
    """
    there = kind_of(run.root) == "run"
    if run.root.exists() and not (overwrite and there) and any(run.root.iterdir()):
        raise UserError(
            f"{run.root} holds {'a run' if there else 'other files'} already; "
            f"{'add --overwrite to replace it, or ' if there else ''}give another --run"
        )
    about = plain(provenance) | {"name": config.name, "modalities": list(config.data.modalities)}
    about |= {"regions": list(config.data.regions), "versions": _versions()}
    with training_lock(run.root), atomic_folder(run.root) as folder:
        fresh = Run(folder)
        mark(folder, "run")
        save_best(fresh, {"segmentor": publish(model, activation=config.model.activation)}, provenance=about)
        write_json(fresh.state, {"state": "finished", **about})
        write_json(fresh.config, config.model_dump(mode="json"))


def configure(
    name: str, about: dict, *, modalities: tuple[str, ...], regions: tuple[str, ...]
) -> tuple[Config, list[str]]:
    """Return the configuration that segments as the imported network was meant to, and what differs all the same.

    Args:
        name: of the run.
        about: what the importers say of the checkpoint.
        modalities: of the input channels.
        regions: of the outputs.

    Raises:
        UserError: its images are prepared in a way that is not known here.
    """
    try:
        _check_preparation(about)
        return validate(_settings(name, about, modalities, regions), source="the checkpoint's plan"), _remarks(about)
    except (TypeError, ValueError, KeyError, AttributeError) as error:
        raise UserError(f"the checkpoint's plan is not understood ({error}); give its own with --plans") from None


def plain(value):
    """Return what a foreign file says as JSON can hold it, long texts and lists cut."""
    if isinstance(value, dict):
        return {str(key)[:LONGEST]: plain(item) for key, item in list(value.items())[:LONGEST]}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value[:LONGEST]]
    return value if value is None or isinstance(value, bool | int | float) else str(value)[:LONGEST]


def _versions() -> dict[str, str]:
    """Return the versions of what reads and writes the networks."""
    return {name: version(name) for name in ("segan_tl", "keras")}


def _settings(name: str, about: dict, modalities: tuple[str, ...], regions: tuple[str, ...]) -> dict:
    """Return the values of the run's configuration."""
    softmax = about["activation"] == "softmax"
    patch = about.get("patch_size") or [128, 128, 128]
    values = {
        "name": name,
        "data": {
            "modalities": modalities,
            "regions": regions,
            "normalise": "zscore",
            "spacing_mm": _cubic_mm(about),
            "patch": [1] * (3 - len(patch)) + list(patch),
        },
        "model": {**about["model"], "activation": about["activation"], "deep_supervision": True},
        "train": {"loss": "dice_ce" if softmax else "dice_bce"},
        "predict": {"decision": "largest" if softmax else "threshold", "mirror": _mirrors(about)},
    }
    return plain(values)


def _cubic_mm(about: dict) -> float | None:
    """Return the edge of the voxels that the network was trained on; None where they are not cubes, or not known."""
    spacing = about.get("spacing_mm") or (0.0,)
    return float(spacing[0]) if spacing[0] > 0 and max(spacing) - min(spacing) < 0.01 else None


def _mirrors(about: dict) -> bool:
    """Return whether the network learnt to be flipped along every axis."""
    axes = about.get("mirror_axes")
    return axes is None or len(axes) == len(about.get("patch_size") or "DHW")


def _region(name: str) -> str:
    """Return our name of a label or region, or the name itself."""
    label = label_of(name)
    if label in OWN:
        return OWN[label]
    if region := region_of(name):
        return region
    if label == ET:
        return "et"
    if label == LESION:
        return "wt" if any(word in name.lower() for word in ("tumor", "tumour", "glioma")) else "lesion"
    return name


def _check_preparation(about: dict) -> None:
    """Refuse a plan whose intensities would not be what the network has learnt."""
    schemes, masks = about.get("normalization_schemes"), about.get("use_mask_for_norm")
    if schemes is not None and set(schemes) != {"ZScoreNormalization"}:
        found = ", ".join(map(str, schemes))
    elif masks is not None and not all(masks):
        found = "z-scores over the whole image"
    else:
        return
    raise UserError(
        f"the plan normalises by {found}, predict by z-scores inside the brain alone: import without --run, and train "
        "from it with --set model.pretrained=FILE"
    )


def _remarks(about: dict) -> list[str]:
    """Say what is not as in nnU-Net."""
    remarks = []
    if (spacing := about.get("spacing_mm")) and _cubic_mm(about) is None:
        remarks.append(
            f"note: trained on voxels of {' × '.join(f'{size:g}' for size in spacing)} mm; predict resamples to cubes "
            "only, so give it such images"
        )
    if about.get("image_reader") == "NibabelIOWithReorient":
        remarks.append("note: trained on left-right and front-back reversed; averaging over flips makes up for it")
    if not _mirrors(about):
        remarks.append("note: trained to be flipped along some axes only; predict does not flip")
    return remarks
