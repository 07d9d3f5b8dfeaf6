"""The JSON parts of a portable artefact: what it is, how images are prepared and segmented, what the numbers mean.

Nothing in them names a patient, a case or a folder of the machine.
"""

import json
from pathlib import Path

LICENCE_OF_ZOO = "Apache-2.0"
PUBLIC = (
    "name", "state", "epochs", "best_epoch", "best_dice", "modalities", "regions", "seed", "precision", "versions",
    "commit",
)  # fmt: skip
PUBLIC_DATA = ("layout", "cases", "synthetic")


def about_of(member, model, *, digest: str, licence: str | None) -> dict:
    """Return artefact.json: what run it is, and what the network has to be told.

    Args:
        member: the run.
        model: its segmentor.
        digest: sha256 of the segmentor's file.
        licence: as the user says; the networks that come along have that of the package.
    """
    from segan_tl import __version__
    from segan_tl.predict.keras_network import grid_multiple
    from segan_tl.zoo.find import is_entry

    state, config = member.state, member.config
    about = {name: state[name] for name in PUBLIC if state.get(name) is not None}
    about |= {"name": member.name, "modalities": list(config.data.modalities), "regions": list(config.data.regions)}
    data = state.get("data", {})
    about["data"] = {name: data[name] for name in PUBLIC_DATA if data.get(name) is not None}
    return about | {
        "licence": licence or (LICENCE_OF_ZOO if is_entry(member.run.root) else None),
        "software": f"segan_tl {__version__}",
        "segmentor_sha256": digest,
        "grid_multiple": list(grid_multiple(model)[:2]),
        "parameters": model.count_params(),
    }


def public_config(config) -> dict:
    """Return config.json: the configuration without the files and runs that the training started from."""
    file = config.model.file and Path(config.model.file).name
    model = config.model.model_copy(update={"pretrained": None, "file": file})
    train = config.train.model_copy(update={"teacher": None})
    config = config.model_copy(update={"model": model, "train": train, "transfer": None})
    return json.loads(config.model_dump_json())


def labels_of(config) -> dict:
    """Return labels.json: the network's channels, what each region is made of, and the numbers in the masks."""
    from segan_tl.data.find.layouts import UNKNOWN_CONVENTION
    from segan_tl.predict.labels import label_scheme
    from segan_tl.regions import LABEL_CONVENTIONS, LABEL_NAMES, REGIONS

    regions, names = config.data.regions, {label: name for name, label in LABEL_NAMES.items()}
    background = ["background"] if config.model.activation == "softmax" else []
    conventions = {"of a case without labels": UNKNOWN_CONVENTION} | {name: name for name in LABEL_CONVENTIONS}
    return {
        "channels": [*background, *regions],
        "regions": {region: [names[label] for label in REGIONS[region]] for region in regions},
        "numbers": {
            title: {str(number): name for number, name in label_scheme(regions, convention).meanings.items()}
            for title, convention in conventions.items()
        },
    }


def image_shape(config, model) -> tuple[int, ...]:
    """Return the shape of an image as a network sees it when this configuration predicts, without the batch."""
    from segan_tl.predict.keras_network import grid_multiple

    data, known = config.data, model.input_shape[1:]
    if config.predict.whole_slices and config.predict.area == "crop":
        sizes = [data.crop["HWD".index(axis)] for axis in data.axes[1:]]  # rows and columns of a slice
        sizes = [-(-size // step) * step for size, step in zip(sizes, grid_multiple(model))]
    else:
        sizes = list(data.patch[4 - len(known) :])
    return (*(fixed or size for fixed, size in zip(known[:-1], sizes)), known[-1])
