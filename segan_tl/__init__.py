"""segan_tl: brain-tumour segmentation where data is scarce, in Keras."""

import importlib

__version__ = "0.1.0"
__all__ = ["open_run"]


def __getattr__(name: str):
    """Import what is offered here when it is first asked for, so that `import segan_tl` costs nothing."""
    if name == "open_run":
        return importlib.import_module("segan_tl.predict.trained_run").open_run
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
