"""A SegAN with a stem for each modality whose features are averaged, as in HeMIS, beside the planes of --modality any.

    python benchmarks/hemis_stems.py OUT
    python -m segan_tl train --config OUT/planes.toml --modality any --data BraTS2021
    python -m segan_tl train --config OUT/stems.toml --modality any --data BraTS2021
    python -m segan_tl matrix planes/BraTS2021-any stems/BraTS2021-any

Both see what a network for any subset sees (segan_tl/data/presence.py): four images, then four planes. One is the
segmentor of segan_cpu as it stands. In the other a stem of two convolutions makes features of each image, and their
mean and variance over the modalities that are there [Havaei 2016, section 2] go into that segmentor. OUT gets both,
as networks of one's own, and a configuration for each, segan_cpu with what such a network needs.
"""

import argparse
from pathlib import Path

import keras
from keras import layers

from segan_tl.models.blocks import convolution, normalisation
from segan_tl.models.segan import build_segmentor

FILTERS = (16, 32, 64, 128)
CHANGES = {
    'name = "segan_cpu"': 'name = "NAME"',
    'family = "segan"': 'family = "file"\nfile = "FILE"',
    "filters = [16, 32, 64, 128]\n": "",
    "crop = [96, 96, 72] ": "# ",
    'sampling = "slices"\n': "",
    "whole_slices = true": "overlap = 0.25",
}


def build_with_stems(modalities: int, *, stem: int = 8) -> keras.Model:
    """Return the network, (B, H, W, 2 · modalities) → (B, H, W, 1), of Keras' own layers alone."""
    image = keras.Input((None, None, 2 * modalities), name="image")

    # === Stems ===
    features = []
    for each in range(modalities):
        x = channel(image, each, name=f"stem{each + 1}_image")
        for part in (1, 2):
            x = convolution(x, stem, 3, name=f"stem{each + 1}_conv{part}")
            x = normalisation(x, 0.9, name=f"stem{each + 1}_norm{part}")
            x = layers.LeakyReLU(0.2, name=f"stem{each + 1}_act{part}")(x)
        features.append(x)

    # === Weights: 1 / number of modalities that are there, 0 for the others ===
    planes = [channel(image, modalities + each, name=f"plane{each + 1}") for each in range(modalities)]
    x = layers.Concatenate(name="there")([layers.GlobalMaxPooling2D(keepdims=True)(plane) for plane in planes])
    x = layers.UnitNormalization(name="share_root")(x)
    x = layers.Multiply(name="share")([x, x])
    shares = [channel(x, each, name=f"share{each + 1}") for each in range(modalities)]

    # === Mean and variance of those that are there ===
    pairs = list(zip(features, shares))
    mean = layers.Add(name="mean")([layers.Multiply()([x, share]) for x, share in pairs])
    square = layers.Add(name="square")([layers.Multiply()([x, x, share]) for x, share in pairs])
    variance = layers.Subtract(name="variance")([square, layers.Multiply(name="mean_square")([mean, mean])])

    # === The segmentor of segan_cpu on these ===
    segmentor = build_segmentor((None, None, 2 * stem), filters=FILTERS)
    tensors = {id(segmentor.input): layers.Concatenate(name="moments")([mean, variance])}
    for layer in segmentor.layers[1:]:
        inputs = [tensors[id(tensor)] for tensor in layer._inbound_nodes[0].input_tensors]
        tensors[id(layer.output)] = layer(inputs[0] if len(inputs) == 1 else inputs)
    return keras.Model(image, tensors[id(segmentor.output)], name="hemis")


def channel(x, each: int, *, name: str):
    """Return one channel, (B, H, W, 1)."""
    x_first = layers.Permute((3, 1, 2), name=f"{name}_first")(x)
    rest = (each, x.shape[-1] - each - 1)
    return layers.Permute((2, 3, 1), name=name)(layers.Cropping2D((rest, 0), name=f"{name}_only")(x_first))


def main() -> None:
    """Write networks and configurations."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path, metavar="OUT")
    out = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    networks = {"planes": build_segmentor((None, None, 8), filters=FILTERS), "stems": build_with_stems(4)}
    for name, network in networks.items():
        network.save(out / f"{name}.keras")
        text = (Path(__file__).parents[1] / "configs/segan_cpu.toml").read_text()
        for old, new in {**CHANGES, "NAME": name, "FILE": str(out.resolve() / f"{name}.keras")}.items():
            assert old in text, f"segan_cpu.toml has no {old} any more"
            text = text.replace(old, new)
        (out / f"{name}.toml").write_text(text)


if __name__ == "__main__":
    main()
