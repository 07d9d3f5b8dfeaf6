"""The maximum of windows of a volume in float16, which TensorFlow 2.21 has no operation for on a processor."""

import keras
import tensorflow as tf
from keras import layers


def pool_in_float32(model: keras.Model) -> keras.Model:
    """Return a model over the variables of `model` whose MaxPooling3D computes float16 as float32: the same values.

    It is for calling only: `model` keeps the names, is what is saved, and sees every update. Where TensorFlow sees a
    GPU, Keras' layers compute.
    """

    def call(layer, *arguments, **options):
        if type(layer) is layers.MaxPooling3D and layer.compute_dtype == "float16":
            wide = layers.MaxPooling3D.from_config(layer.get_config() | {"dtype": "float32"})
            return keras.ops.cast(wide(arguments[0]), "float16")
        return layer(*arguments, **options)

    if tf.config.list_physical_devices("GPU"):
        return model
    return keras.models.clone_model(model, clone_function=lambda layer: layer, call_function=call)
