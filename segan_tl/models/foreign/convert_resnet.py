"""torchvision's ResNet34, trained on ImageNet say, as the encoder that AlbuNet starts from."""

import re
from pathlib import Path

import keras

from segan_tl.errors import UserError
from segan_tl.models.foreign.torch_files import Weights, read_weights
from segan_tl.models.foreign.torch_layout import shapes
from segan_tl.models.resnet import BLOCKS, encoder_names, load_encoder, resnet34

LEFT_OUT = re.compile(r"fc\.(weight|bias)|.*\.num_batches_tracked")


def import_resnet34(checkpoint: Path, *, weights: Weights | None = None) -> tuple[keras.Model, dict]:
    """Build the encoder of a ResNet34 and give it the weights of a torchvision state; axes stay as in the pictures.

    Args:
        checkpoint: .pth or .safetensors with torchvision's names, with or without the classifier `fc`.
        weights: content of `checkpoint` where it has been read already.

    Returns:
        Network from `image` (B, H, W, 3) to the features of the four stages, and where it comes from.

    Raises:
        UserError: it is another ResNet, or damaged.
    """
    weights = weights or read_weights(checkpoint)
    tensors = weights.tensors
    found = tuple(
        len({name.split(".")[1] for name in tensors if name.startswith(f"layer{level}.") and name.count(".") > 2})
        for level in range(1, len(BLOCKS) + 1)
    )
    if found != BLOCKS or "layer1.0.conv3.weight" in tensors:
        kind = "blocks of three convolutions" if "layer1.0.conv3.weight" in tensors else "blocks of two convolutions"
        raise UserError(
            f"{checkpoint} holds stages of {', '.join(map(str, found))} {kind}: expected ResNet34, which has "
            f"{', '.join(map(str, BLOCKS))} of two"
        )
    image = keras.Input((None, None, 3), name="image")
    model = keras.Model(image, resnet34(image), name="resnet34")
    expected = shapes(model, encoder_names(model))
    if unknown := sorted(name for name in tensors.keys() - expected.keys() if not LEFT_OUT.fullmatch(name)):
        raise UserError(f"{checkpoint} holds {unknown[0]}, which ResNet34 has not; give torchvision's own state_dict")
    load_encoder(model, tensors)
    provenance = {
        "source": checkpoint.name,
        "source_sha256": weights.sha256,
        "software": "torchvision",
        "configuration": "ResNet34",
        "channels": ["red", "green", "blue"],
        "outputs": [f"features of stage {level}" for level in range(1, len(BLOCKS) + 1)],
        "left_out": ["fc"] if "fc.weight" in tensors else [],
    }
    return model, provenance
