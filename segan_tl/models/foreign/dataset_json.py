"""dataset.json of nnU-Net, version 1 or 2: what a network's channels and outputs are called."""

from collections.abc import Mapping
from pathlib import Path

from segan_tl.errors import UserError
from segan_tl.regions import REGIONS


def name_channels(dataset: Mapping) -> list[str]:
    """Return the names of the input channels, in order, [] where there are none ("modality" in version 1)."""
    channels = dataset.get("channel_names") or dataset.get("modality") or {}
    if not isinstance(channels, Mapping):
        return []
    return [str(name) for _, name in sorted(channels.items(), key=lambda item: str(item[0]).rjust(9))]


def describe_outputs(dataset: Mapping) -> tuple[list[str], str]:
    """Return the names of the output channels of a dataset.json and the activation that belongs to them.

    Regions (a label that is a list of values) overlap and get sigmoids, without background, in the order of the file;
    labels get a softmax, in the order of their values.

    Raises:
        UserError: the labels are neither.
    """
    labels = dataset.get("labels") or {}
    try:
        if labels and all(str(key).isdigit() and isinstance(name, str) for key, name in labels.items()):
            labels = {name: int(key) for key, name in labels.items()}  # version 1
        labels = {str(name): value for name, value in labels.items() if name != "ignore"}
        if any(isinstance(value, list | tuple) and len(value) > 1 for value in labels.values()):
            return [name for name, value in labels.items() if value not in (0, [0])], "sigmoid"
        values = {name: int(value[0] if isinstance(value, list | tuple) else value) for name, value in labels.items()}
    except (TypeError, ValueError, AttributeError, IndexError) as error:
        raise UserError(f"dataset.json describes no labels ({error}): expected names with values such as 1") from None
    return sorted(values, key=values.get), "softmax" if values else "sigmoid"


def make_dataset(about: Mapping, *, source: Path) -> dict:
    """Return a dataset.json for a network of ours, by what its file says of itself.

    A label is painted for each region, the smaller over the larger: the labels of a region are its own number and
    those of the regions inside it, as nnU-Net states BraTS.

    Args:
        about: provenance with modalities and regions.
        source: file, for the error.

    Raises:
        UserError: it tells neither.
    """
    modalities, regions = about.get("modalities"), about.get("regions")
    if not modalities or not regions or not set(regions) <= set(REGIONS):
        raise UserError(f"{source} does not say which modalities and regions it has; add --dataset dataset.json")
    numbers = {region: number for number, region in enumerate(regions, start=1)}
    labels = {}
    for region, number in numbers.items():
        inside = [numbers[other] for other in regions if set(REGIONS[other]) < set(REGIONS[region])]
        labels[region] = sorted([number, *inside]) if inside else number
    nested = any(isinstance(value, list) for value in labels.values())
    sizes = [len(REGIONS[region]) for region in regions]
    if nested and sizes != sorted(sizes, reverse=True):
        raise UserError(
            f"nnU-Net paints regions in the order of the outputs ({', '.join(regions)}): the larger would cover "
            "the smaller; add --dataset with labels of your own"
        )
    return {
        "channel_names": {str(index): name for index, name in enumerate(modalities)},
        "labels": {"background": 0, **labels},
        "numTraining": 0,
        "file_ending": ".nii.gz",
    } | ({"regions_class_order": [numbers[region] for region in regions]} if nested else {})
