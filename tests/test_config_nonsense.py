"""Every field of both configurations, filled with what makes no sense there: always one sentence, never a traceback."""

import datetime
import json
import types
from pathlib import Path
from typing import Annotated, Literal, Union, get_args, get_origin

import pytest

from segan_tl.config.base import Section
from segan_tl.config.load import load_config, validate
from segan_tl.config.schema import Config
from segan_tl.errors import UserError

SECTIONS = {
    "transfer": {"source": "x", "source_sha256": "0", "strategy": "full"},
    "source": {},
    "adversary": {},
}
# Where 0 means something.
ZERO_MEANS_SOMETHING = {
    "seed", "phantom.seed", "source.phantom.seed", "data.foreground", "data.percentiles", "data.split",
    "data.neighbours", "model.leaky_slope", "critic.leaky_slope", "train.averaging", "train.momentum",
    "train.weight_decay", "train.clip_norm", "train.loss_weights", "train.class_weights", "train.steps_per_epoch",
    "predict.overlap", "predict.smallest_component", "adversary.strength",
    "transfer.warmup", "transfer.unfreeze", "transfer.l2_source",
}  # fmt: skip
SENSELESS = (-1, -0.5, 1e300, 10**30, float("nan"), float("inf"), -float("inf"))
NO_NUMBER = ("1e-3", "many", True, datetime.date(1979, 5, 27), [], [[1]], {}, [[[]]])


def fields(schema: type[Section], prefix: str = ""):
    """Yield key and annotation of every value of a configuration."""
    for name, field in schema.model_fields.items():
        section = next((one for one in alternatives(field.annotation) if is_section(one)), None)
        if section is not None:
            yield from fields(section, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", field.annotation


def alternatives(annotation) -> tuple:
    """Return the types that a value may have."""
    if get_origin(annotation) is Annotated:
        return alternatives(get_args(annotation)[0])
    if get_origin(annotation) in (Union, types.UnionType):
        return tuple(one for part in get_args(annotation) for one in alternatives(part))
    return (annotation,)


def is_section(annotation) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, Section)


def numbers(annotation) -> int | None:
    """Return how many numbers a value has: 1 for a number, n for a list of n (1 for any length), None for none."""
    for one in alternatives(annotation):
        if one in (int, float):
            return 1
        if get_origin(one) is tuple and (parts := get_args(one)) and numbers(parts[0]):
            return 1 if parts[-1] is Ellipsis else len(parts)
    return None


def is_list(annotation) -> bool:
    return any(get_origin(one) is tuple for one in alternatives(annotation))


def values_of(schema: type[Section]) -> dict:
    values = {"name": "a"}
    if schema is Config:
        values |= {"model": {"family": "nnunet"}, "source": {}, "adversary": {}}
    return values


def put(values: dict, key: str, value: object) -> dict:
    values = json.loads(json.dumps(values))
    *parents, leaf = key.split(".")
    place = values
    for parent in parents:
        place = place.setdefault(parent, dict(SECTIONS.get(parent, {})))
    place[leaf] = value
    return values


ALL = [(schema, key, annotation) for schema in (Config, Config) for key, annotation in fields(schema)]
NUMERIC = [case for case in ALL if numbers(case[2])]


@pytest.mark.parametrize(("schema", "key", "annotation"), NUMERIC, ids=lambda one: getattr(one, "__name__", str(one)))
def test_a_number_that_makes_no_sense_is_refused(schema, key, annotation):
    senseless = [*SENSELESS, *NO_NUMBER]
    if key not in ZERO_MEANS_SOMETHING and not key.startswith("augment.") or key.endswith("_factor"):
        senseless.append(0)
    for value in senseless:
        if is_list(annotation):
            value = [value] * numbers(annotation)
        with pytest.raises(UserError) as caught:
            validate(put(values_of(schema), key, value), source="test.toml")
        message = str(caught.value)
        assert message.startswith("test.toml: ") and "\n" not in message and len(message) < 400, message
        assert key.rpartition(".")[2] in message, message


@pytest.mark.parametrize(("schema", "key", "annotation"), ALL, ids=lambda one: getattr(one, "__name__", str(one)))
def test_a_value_of_another_kind_is_refused(schema, key, annotation):
    kinds = {"text": "\0", "number": 3, "truth": True, "list": [[["x"]]], "object": {"x": {}}, "date": datetime.time(1)}
    fitting = {str: "text", bool: "truth"}
    own = {fitting.get(one) for one in alternatives(annotation)} | ({"number"} if numbers(annotation) else set())
    for kind, value in kinds.items():
        if kind in own and kind != "text" or kind == "object" and key == "transfer.inputs":
            continue
        with pytest.raises(UserError):
            validate(put(values_of(schema), key, value), source="test.toml")


def test_the_table_knows_every_field():
    keys = {key for _, key, _ in ALL}
    assert len(ALL) > 100 and {"data.crop", "train.learning_rate", "adversary.weight", "source.share"} <= keys
    assert ZERO_MEANS_SOMETHING <= keys
    literal = [key for _, key, annotation in ALL if any(get_origin(one) is Literal for one in alternatives(annotation))]
    assert "train.optimizer" in literal


@pytest.mark.parametrize(
    ("config", "override", "words"),
    [
        ("segan_cat", "data.percentiles=[98,2]", "the lower one first"),
        ("segan_cat", "data.percentiles=[50,50]", "the lower one first"),
        ("segan_cat", "data.percentiles=[2,101]", "less than or equal to 100"),
        ("segan_cat", "data.percentiles=[2]", "data.percentiles = [2]: expected more values"),
        ("segan_cat", "data.crop=[1000000,1000000,1000000]", "GiB of memory for a case"),
        ("segan_cat", "data.modalities=[]", "data.modalities"),
        ("segan_cat", "data.modalities=[t1,t1]", "every name once"),
        ("segan_cat", "data.split=[1.5,-0.5,0]", "data.split"),
        ("segan_cat", "seed=1979-05-27", "seed = datetime.date(1979, 5, 27): expected a whole number"),
        ("segan_cat", "seed=-1", "greater than or equal to 0"),
        ("segan_cat", "train.learning_rate=nan", "a finite number"),
        ("segan_cat", "train.learning_rate='1e-3'", "train.learning_rate = '1e-3': expected a number"),
        ("segan_cat", "train.epochs=true", "train.epochs = True: expected a whole number"),
        ("segan_cat", "model.filters=[]", "model.filters"),
        ("segan_cat", "critic.input=mask", "data.modalities, found 2 and 3"),
        ("segan_cat", "data.sampling=random", "go together"),
        ("nnunet_small", "critic.filters=[8,8,8,8,8]", "must be divisible by 32"),
        ("nnunet_small", "predict.area=window", "predict.whole_slices = true beside it"),
        ("segan_cat", "train.batch_size=100000000", "GiB of memory for a batch"),
        ("unet3d", "data.spacing_mm=inf", "a finite number"),
        ("unet3d", "data.spacing_mm=0", "greater than or equal to 0.05"),
        ("unet3d", "augment.scale=[1.4,0.7]", "the lower one first"),
        ("unet3d", "model.filters=[8]", "at least 2 stages"),
        ("unet3d", "data.patch=[100,128,128]", "must be divisible by [64, 64, 64]"),
        ("unet3d", "data.patch=[100000,100000,100000]", "divisible"),
        ("unet3d", "data.patch=[64000,64000,64000]", "GiB of memory for a batch"),
        ("unet3d", "model.strides=[1,2]", "strides is no option of unet3d"),
        ("nnunet_small", "model.filters=[4,8,8]", "model.blocks has 4 values; expected 3"),
        ("nnunet_small", "model.blocks=[1,1]", "model.blocks has 2 values; expected 4"),
        ("nnunet_small", "model.decoder_blocks=[1,1,1,1]", "model.decoder_blocks has 4 values; expected 3"),
        ("nnunet_small", "model.strides=[1,2]", "model.strides has 2 values; expected 4"),
        ("nnunet_small", "model.strides=[2,2,2,2]", "begins with 2; expected 1"),
        ("nnunet_small", "model.strides=[1,[2,2],2,2]", "model.strides"),
        ("nnunet_small", "model.kernel_sizes=[3,3]", "model.kernel_sizes has 2 values; expected 4"),
        ("nnunet_small", "model.kernel_sizes=[3,3,3,4]", "expected odd sizes"),
        ("nnunet", "model.filters=[8,8]", "expected model.blocks with 2 beside it"),
        ("mednext_small", "model.filters=[4,8]", "model.filters has 2 values; expected 5 for mednext"),
        ("mednext_small", "model.blocks=[1,1]", "model.blocks has 2 values; expected 9"),
        ("albunet2d", "model.deep_supervision=true", "albunet2d has one output"),
        ("albunet2d", "data.patch=[32,128,128]", "expected 1 slice for albunet2d"),
        ("albunet3d", "data.patch=[1,128,128]", "expected several slices for albunet3d"),
        ("albunet3d", "data.patch=[8,100,128]", "divisible by [1, 32, 32]"),
        ("unet3d", "train.loss_weights=[0,0]", "train.loss_weights are all 0"),
        ("unet3d", "x=" + "[" * 3000 + "]" * 3000, "unknown key x"),
        ("unet3d", "seed=" + "9" * 5000, "seed"),
        ("unet3d", "train..epochs=3", "key=value"),
        ("unet3d", ".epochs=3", "key=value"),
        ("unet3d", "=3", "key=value"),
        ("unet3d", "train=3", "train = 3: expected an object"),
        ("unet3d", "name.x=3", "name is a value, not a section"),
        ("unet3d", "modle.filters=[8,8]", "did you mean model?"),
        ("unet3d", "train.epoch=3", "did you mean train.epochs?"),
        ("unet3d", "adversary.wieght=3", "did you mean adversary.weight?"),
    ],
)  # fmt: skip
def test_nonsense_is_named(config, override, words):
    changes = ["data.modalities=[t1,t2,flair]", "data.regions=[wt,et]"] if "critic.input" in override else []
    with pytest.raises(UserError) as caught:
        load_config(config, [*changes, override])
    assert words in str(caught.value) and "\n" not in str(caught.value)


def test_a_mistyped_configuration_is_guessed():
    with pytest.raises(UserError, match="did you mean --config nnunet_small"):
        load_config("nnunet_smal")
    with pytest.raises(UserError, match="did you mean --config quickstart"):
        load_config("configs/quickstrat.toml")


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"name = '\xff'", "UTF-8|other bytes"), (b"", ""), (b"[train]\nepochs = 1\nepochs = 2", "not valid TOML")],
)
def test_a_file_that_is_no_toml(tmp_path: Path, content, words):
    (tmp_path / "a.toml").write_bytes(content)
    if not content:
        assert load_config(tmp_path / "a.toml") == validate({}, source="the test")
        return
    with pytest.raises(UserError, match=words):
        load_config(tmp_path / "a.toml")
