"""The precision of networks: of those that are built, and of one that goes to programs of single precision."""

import contextlib
from collections.abc import Iterator

import keras

from segan_tl.models.weights import CUSTOM_OBJECTS

FLOAT32, HALF = "float32", "mixed_float16"


@contextlib.contextmanager
def precision_of(policy: str) -> Iterator[None]:
    """Let what is built meanwhile compute in a precision, and what is built after it in the one of before."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


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
