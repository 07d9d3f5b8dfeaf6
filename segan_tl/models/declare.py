"""Build a network whose sizes a file states, without memory for more weights than that file has."""

import math
from collections.abc import Callable

import keras
from keras.src.backend.common.global_state import set_global_attribute

SPARE_VALUES = 1_000_000  # counters and seeds, which not every program stores


def build_within(build: Callable[[], keras.Model], *, values: int) -> keras.Model:
    """Return a network; its variables get memory only after it turns out that they are few enough.

    Args:
        build: () → the network.
        values: numbers there are for its variables.

    Raises:
        ValueError: it has more variables, or is none; and whatever `build` raises.
    """
    scope = keras.StatelessScope(initialize_variables=False)
    try:
        with scope:
            model = build()
            if not isinstance(model, keras.Model) or not model.built:
                raise ValueError(f"a {type(model).__name__} instead of a network of known input")
            declared = sum(math.prod(variable.shape) for variable in model.variables)
            if declared > values + SPARE_VALUES:
                raise ValueError(f"{declared} weights are declared, {values} are there")
            scope.initialize_variables = True
    except Exception:
        # Forget the variables that were to be made; keras.utils.clear_session would forget the scope of a strategy too.
        set_global_attribute("uninitialized_variables", [])
        raise
    return model
