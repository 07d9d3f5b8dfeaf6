"""What people import: it is there, lazily, said once, and every example in a docstring runs."""

import ast
import doctest
import importlib
import inspect
import types
from pathlib import Path

import keras
import numpy as np
import pytest

import segan_tl
from segan_tl.errors import UserError
from tests.small_runs import make_run, small_config, small_labels, write_case

ROOT = Path(__file__).parents[1]
PLACES = ("segan_tl", "segan_tl.metrics")


def offered() -> dict[str, object]:
    """Return dotted name → function or class, of the package, of its metrics and of its losses."""
    found = {}
    for module in (segan_tl, segan_tl.metrics, segan_tl.losses):
        names = getattr(module, "__all__", None) or [
            name for name, value in vars(module).items()
            if inspect.isfunction(value) and value.__module__ == module.__name__ and not name.startswith("_")
        ]  # fmt: skip
        found |= {f"{module.__name__}.{name}": getattr(module, name) for name in names}
    return {name: value for name, value in found.items() if callable(value)}


OFFERED = offered()


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """Return a folder with what the examples read: two patients and a run that segments them."""
    folder = tmp_path_factory.mktemp("library")
    for number in (1, 2):
        write_case(folder / "patients", f"BraTS2021_0000{number}", small_labels())
    make_run(folder / "runs" / "segan" / "flair", small_config(smallest_component=0.0))
    return folder


@pytest.mark.parametrize("name", OFFERED)
def test_the_example_of_a_docstring_runs(name, folder, monkeypatch):
    monkeypatch.chdir(folder)
    text = inspect.getdoc(OFFERED[name])
    assert "\nExample:\n" in text
    globs = {"segan_tl": segan_tl, "np": np, "keras": keras}
    examples = doctest.DocTestParser().get_doctest(text, globs, name, None, None)
    said = []
    result = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE).run(examples, out=said.append)
    assert result.attempted > 0 and not result.failed, "".join(said)


def test_there_is_something_to_run():
    assert {"segan_tl.open_run", "segan_tl.metrics.hd95_mm", "segan_tl.losses.dice_loss"} <= set(OFFERED)
    assert len(OFFERED) >= 30


@pytest.mark.parametrize("place", PLACES)
def test_names_are_said_alike_to_python_and_to_type_checkers(place):
    module = importlib.import_module(place)
    assert module.__all__ == sorted(module.__all__) and set(module.__all__) <= set(dir(module))
    tree = ast.parse(Path(module.__file__).read_text(encoding="utf-8"))
    block = next(node for node in tree.body if isinstance(node, ast.If) and node.test.id == "TYPE_CHECKING")
    typed = {alias.name: node.module for node in block.body for alias in node.names}
    assert sorted(typed) == module.__all__
    for name, source in typed.items():
        value = getattr(module, name)
        if not isinstance(value, types.ModuleType):
            assert value is getattr(importlib.import_module(source), name)


def test_a_name_that_is_not_offered_is_no_attribute():
    for module in (segan_tl, segan_tl.metrics):
        with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
            module.nothing  # noqa: B018


# === What does not go together is refused in one sentence ===


def no_image():
    return keras.Input((None, None, None, 1))


class Own(keras.Model):
    """A network as a class of one's own."""

    def call(self, x):
        return x


IDENTITY = keras.Model(*[no_image()] * 2)
VOLUME = np.zeros((4, 4, 4, 1), np.float32)


def segment(model, image, patch=(4, 4, 4)):
    return segan_tl.segment_volume(model, image, patch=patch)


REFUSED = [
    (lambda: segan_tl.build_segmentor((32, 32, 0)), ValueError, r"M ≥ 1 channels last; got \(32, 32, 0\)"),
    (lambda: segan_tl.build_segmentor((30, 32, 1)), ValueError, "divisible by 16 × 16, or None; got"),
    (lambda: segan_tl.build_critic((None, None)), ValueError, r"expected the shape of one image, \(H, W, M\)"),
    (lambda: segan_tl.build_critic((8, 8, 1), critic_input="both"), ValueError, "concatenate, mask; got 'both'"),
    (lambda: segan_tl.build_domain_classifier((8, 8, 4), form="x"), ValueError, "pooled, goat_repo; got 'x'"),
    (lambda: segan_tl.build_unet3d((8, 8, 8, 1), variant="x"), ValueError, "variant out of unet3d, .* got 'x'"),
    (lambda: segan_tl.build_cicek((12, 16, 16, 1)), ValueError, "divisible by 8 × 8 × 8"),
    (lambda: segan_tl.build_nnunet((16, 16, 48, 1)), ValueError, "divisible by 32 × 32 × 32"),
    (lambda: segan_tl.build_mednext((8, 16, 16, 1)), ValueError, "divisible by 16 × 16 × 16"),
    (lambda: segan_tl.build_albunet((4, 32, 16, 1)), ValueError, "divisible by 1 × 32 × 32"),
    (lambda: segan_tl.losses.dice_loss(VOLUME, np.zeros((4, 4, 4, 3))), ValueError, "one shape .* got"),
    (lambda: segan_tl.metrics.surface_dice(VOLUME > 0, 1), TypeError, r"expected surface_dice\(surface_distances"),
    (lambda: segan_tl.region_masks(np.zeros(3), ("wt",)), ValueError, "canonical labels, .* got float64"),
    (lambda: segan_tl.region_masks(np.array([-1]), ("wt",)), ValueError, "from 0 to 255; got int64"),
    (lambda: segan_tl.region_masks(np.array([1]), "wt"), UserError, r"write \('wt',\)"),
    (lambda: segan_tl.load_case(None, "flair"), UserError, "such as .* found 'flair'"),
    (lambda: segan_tl.simulate_case("x", case_index=0, shape=(16,) * 3, seed=0), ValueError, "glioma-3t, .* got 'x'"),
    (lambda: segment(IDENTITY, VOLUME[..., 0]), UserError, r"image\[..., None\]"),
    (lambda: segment(IDENTITY, VOLUME > 0), UserError, "of numbers; found .* bool"),
    (lambda: segment(IDENTITY, VOLUME, patch=(4, 4)), UserError, "three sizes .* found"),
    (lambda: segment(Own(), VOLUME), UserError, "found Own with 0 and 0; .* wrap"),
    (lambda: segment(keras.Model(image := no_image(), [image, image]), VOLUME), UserError, "with 1 and 2; choose"),
]


@pytest.mark.parametrize(("call", "error", "reason"), REFUSED, ids=[reason for _, _, reason in REFUSED])
def test_what_does_not_fit_is_refused(call, error, reason):
    with pytest.raises(error, match=reason):
        call()


def test_a_sequential_model_segments_a_volume_as_a_functional_one_does():
    keras.utils.set_random_seed(0)
    layers = [keras.layers.Conv3D(2, 3, padding="same"), keras.layers.Conv3D(1, 1, activation="sigmoid")]
    own = keras.Sequential([keras.Input((None, None, None, 1)), *layers])
    volume = np.random.default_rng(0).normal(size=(9, 8, 12, 1)).astype("float32")
    options = {"patch": (8, 8, 8), "overlap": 0.25}
    found = segan_tl.segment_volume(own, volume, **options)
    functional = keras.Model(own.inputs, own.outputs)
    np.testing.assert_array_equal(found, segan_tl.segment_volume(functional, volume, **options))
    assert found.std() > 0.01
