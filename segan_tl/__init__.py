"""segan_tl: brain-tumour segmentation where data is scarce, in Keras.

What is offered here is imported when it is first asked for: `import segan_tl` loads neither Keras nor NumPy.
"""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # what __getattr__ does, as editors and type checkers read it
    from segan_tl import losses, metrics
    from segan_tl.data.files.images import write_volume
    from segan_tl.data.find.cases import find_cases, load_case
    from segan_tl.data.phantom.subject import simulate_case
    from segan_tl.data.phantom.write import write_cohort
    from segan_tl.errors import UserError
    from segan_tl.models.albunet import build_albunet
    from segan_tl.models.dann import build_domain_classifier
    from segan_tl.models.mednext import build_mednext
    from segan_tl.models.nnunet import build_nnunet
    from segan_tl.models.segan import build_critic, build_segmentor
    from segan_tl.models.unet import build_cicek, build_unet3d
    from segan_tl.models.weights import load_network
    from segan_tl.predict.sliding import segment_volume
    from segan_tl.predict.trained_run import open_run
    from segan_tl.regions import region_masks

__version__ = "0.1.0"
__all__ = [
    "UserError", "build_albunet", "build_cicek", "build_critic", "build_domain_classifier", "build_mednext",
    "build_nnunet", "build_segmentor", "build_unet3d", "find_cases", "load_case", "load_network", "losses", "metrics",
    "open_run", "region_masks", "segment_volume", "simulate_case", "write_cohort", "write_volume",
]  # fmt: skip

# Name → the module it is in; losses and metrics are modules themselves.
_MODULES = {
    "UserError": "errors",
    "build_albunet": "models.albunet",
    "build_cicek": "models.unet",
    "build_critic": "models.segan",
    "build_domain_classifier": "models.dann",
    "build_mednext": "models.mednext",
    "build_nnunet": "models.nnunet",
    "build_segmentor": "models.segan",
    "build_unet3d": "models.unet",
    "find_cases": "data.find.cases",
    "load_case": "data.find.cases",
    "load_network": "models.weights",
    "open_run": "predict.trained_run",
    "region_masks": "regions",
    "segment_volume": "predict.sliding",
    "simulate_case": "data.phantom.subject",
    "write_cohort": "data.phantom.write",
    "write_volume": "data.files.images",
}


def __getattr__(name: str):
    if name in ("losses", "metrics"):
        return importlib.import_module(f"segan_tl.{name}")
    if name in _MODULES:
        return getattr(importlib.import_module(f"segan_tl.{_MODULES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
