"""Which channel of a source's network each channel of ours is: by the names of modalities and regions.

A network of slices may see neighbours of each (data/neighbours), in the source, here, or both: a slice begins as the
one that lies as far from the middle there. One that the source does not see begins with weights of 0, so that the
network answers as the source did before it learns.
"""

from collections.abc import Sequence

from segan_tl.config.schema import Config
from segan_tl.errors import UserError

Channels = list[int | None]  # for each channel its place in the source; None where it has none there
ZERO = -1  # in place of a place: weights of 0


def map_inputs(
    target: Sequence[str], source: Sequence[str], *, stated: dict[str, str] | None = None
) -> dict[str, str | None]:
    """Say which modality of the source each input of the target takes its weights from; None starts fresh.

    One modality to one is the paper's transfer. With several, a modality goes to itself, and what the source never saw
    is new. `stated` decides first.

    Raises:
        UserError: nothing fits.
    """
    stated = stated or {}
    for new, old in stated.items():
        if new not in target or old not in source:
            raise UserError(
                f"--map {new}={old}: the target sees {', '.join(target)}, the source {', '.join(source)}; give "
                "--map TARGET=SOURCE with one of each"
            )
    if len(target) == len(source) == 1:
        return {target[0]: source[0]}
    inputs = {new: stated.get(new, new if new in source else None) for new in target}
    if not any(inputs.values()):
        raise UserError(
            f"the source sees {', '.join(source)}, the target {', '.join(target)}, and they share none: say which "
            f"weights go where, for example --map {target[0]}={source[0]}"
        )
    return inputs


def places(wanted: Sequence[str | None], there: Sequence[str]) -> Channels:
    """Return, for each wanted name, its place among those that are there."""
    return [list(there).index(name) if name in there else None for name in wanted]


def inputs_of(about: dict, config: Config, *, channels: int) -> Channels | None:
    """Return which of the file's inputs, `channels` in all, is each of ours; None where the names do not tell.

    Behind the modalities come the planes that say which of them are there, where a network has some (data/presence).
    """
    names, images = about.get("modalities") or (), _images_of(about, config)
    slices, planes = slices_of(about, channels=channels)
    if images is None and slices != config.data.slices and len(names) == len(config.data.modalities):
        images = list(range(len(names)))  # as if all channels were taken as they are, but for the other slices
    if images is None:
        return None
    found, beyond = [], (slices - config.data.slices) // 2
    for slice_ in range(beyond, beyond + config.data.slices):
        there = 0 <= slice_ < slices
        found += [place if place is None else slice_ * len(names) + place if there else ZERO for place in images]
    if config.data.any_subset:
        found += [None if place is None or not planes else slices * len(names) + place for place in images]
    return found


def planes_left(about: dict, config: Config, *, channels: int) -> list[int]:
    """Return the file's inputs that said that a modality of ours is there, where our network is not told.

    Args:
        about: what is known of the file.
        config: of our network.
        channels: of the file's inputs in all.
    """
    images, names = _images_of(about, config), about.get("modalities") or ()
    slices, planes = slices_of(about, channels=channels)
    if images is None or config.data.any_subset or not planes:
        return []
    return [slices * len(names) + place for place in images if place is not None]


def slices_of(about: dict, *, channels: int) -> tuple[int, bool]:
    """Return how many slices of a modality a file's network sees, and whether planes say which are there.

    Its inputs tell: there are 2 n + 1 of each modality, and one more with planes.
    """
    inputs, rest = divmod(channels, len(about.get("modalities") or ()) or channels)
    return (1, False) if rest else (inputs - (inputs % 2 == 0), inputs % 2 == 0)


def _images_of(about: dict, config: Config) -> Channels | None:
    there, here = about.get("modalities"), config.data.modalities
    if there and config.transfer and config.transfer.inputs:
        return places([config.transfer.inputs.get(name) for name in here], there)
    return places(here, there) if there and sorted(there) == sorted(here) else None


def outputs_of(source, about: dict, config: Config) -> tuple[Channels | None, str]:
    """Return which output of the file is each of ours, and why none is where the names say that they differ."""
    last = next((layer for layer in source.layers if layer.name == "probability"), None)
    activation = last.get_config().get("activation") if last else about.get("activation")
    regions = about.get("regions") or about.get("outputs")
    if activation is not None and activation != config.model.activation:
        return None, f"{activation} there, {config.model.activation} here"
    if not regions:
        return None, ""
    outputs = places(config.data.regions, regions)
    if all(place is None for place in outputs):
        return None, f"{', '.join(regions)} there, {', '.join(config.data.regions)} here"
    if config.model.activation == "softmax":
        outputs = [0, *(None if place is None else place + 1 for place in outputs)]
    return outputs, ""
