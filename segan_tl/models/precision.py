"""A network that was trained in half precision, in single precision: for programs that compute in that alone."""

import keras

from segan_tl.models.weights import CUSTOM_OBJECTS

FLOAT32 = "float32"


def as_float32(model: keras.Model) -> keras.Model:
    """Return a model with the same weights whose layers compute in float32; the model itself where they do."""
    config = model.get_config()
    plain = _in_float32(config)
    if plain == config:
        return model
    with keras.saving.custom_object_scope(CUSTOM_OBJECTS):
        again = keras.Model.from_config(plain)
    again.set_weights(model.get_weights())
    return again


def _in_float32(value):
    """Return a configuration whose every dtype policy is float32."""
    if isinstance(value, dict):
        if value.get("class_name") == "DTypePolicy":
            return value | {"config": {"name": FLOAT32}}
        found = {key: _in_float32(part) for key, part in value.items()}
        return found | {"dtype": FLOAT32} if isinstance(found.get("dtype"), str) else found
    if isinstance(value, list | tuple):
        return type(value)(_in_float32(part) for part in value)
    return value
