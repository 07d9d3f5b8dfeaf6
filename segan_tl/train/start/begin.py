"""Give fresh networks the weights of a source, and let a part of them stand still.

Nothing here asks which command it was: the configuration names a source and a row of config/strategies.py, each family
its encoder, decoder and head, and both networks their inputs and outputs.
"""

from pathlib import Path

import keras

from segan_tl.config.schema import Config
from segan_tl.config.strategies import LAST_THREE, SEGMENTOR, STRATEGIES, Strategy
from segan_tl.disk.manifest import sha256
from segan_tl.errors import UserError
from segan_tl.models.foreign.torch_layout import collect
from segan_tl.models.parts import critic_parts, last_three, parts_of
from segan_tl.models.resnet import encoder_names, load_encoder
from segan_tl.models.unet import LAST_THREE as NAMED_LAST_THREE
from segan_tl.models.weights import load_network
from segan_tl.runs import Run
from segan_tl.train.start.channels import inputs_of, outputs_of, places, planes_left, slices_of
from segan_tl.train.start.freeze import freeze
from segan_tl.train.start.match import Report, copy_layers, count_parameters, some
from segan_tl.train.start.source import CRITIC
from segan_tl.train.start.weights import Start, place_of
from segan_tl.zoo.find import folder_of


def begin(network: keras.Model, critic: keras.Model | None, start: Start, config: Config) -> list[str]:
    """Give fresh networks their first weights and freeze what the strategy freezes, in place.

    What is new and what stands still is written into the record of `start`; a run that goes on reads it there, for its
    source is not looked at again.

    Args:
        network: training network, with a layer `logits`.
        critic: the critic, where there is one.
        start: what they start from; without a path only the freezing is done.
        config: the configuration.

    Returns:
        What was done, in lines for a person.

    Raises:
        UserError: nothing fits, or a transfer is between networks of other sizes.
    """
    strategy = STRATEGIES[config.transfer.strategy] if config.transfer else Strategy("")
    record, lines = start.record, []
    _check_encoder(start, config)
    parts = parts_of(network, config.model.family)
    if start.path:
        how = f", strategy {config.transfer.strategy}" if config.transfer else ""
        lines.append(f"start from {start.path} (sha256 {record['sha256'][:12]}…){how}")
        lines += _inputs_said(start.about, config)
        report, said = _start_network(network, parts, start, config, strategy)
        lines += said
        record["new"] = report.new
        lines += _said("segmentor", network, report)
    if config.transfer:
        record["frozen"] = freeze(network, parts, frozen=strategy.frozen, new=record["new"])
        lines += _describe(network, parts, record, strategy)
    if critic is None or not config.transfer:
        return lines
    of_critic = record.setdefault("critic", {})
    if start.critic:
        report = _start_critic(critic, start, config)
        of_critic |= {"new": report.new, "sha256": sha256(start.critic)}
        lines += _said("critic", critic, report)
    elif start.path:
        lines.append("  critic: new")
    if "new" in of_critic:
        parts = critic_parts(critic)
        of_critic["frozen"] = freeze(critic, parts, frozen=strategy.frozen, new=of_critic["new"])
        lines += _describe(critic, parts, of_critic, strategy)
    return lines if start.path else []


def unchanged_critic(start: Start | None, run: Run, config: Config) -> bytes | None:
    """Return the file of a critic that stands still and is the source's to the last weight, to be published as it is.

    Args:
        start: after `begin`.
        run: what is trained; where it goes on, its own best critic is that file.
        config: the configuration.
    """
    record = start.record.get("critic", {}) if start and config.transfer else {}
    if record.get("new") != [] or config.transfer.strategy != "freeze-critic":
        return None
    source = folder_of(config.transfer.source)
    beside = Run(source).best if source.is_dir() else source.parent
    for place in (start.critic, run.best / CRITIC, beside / CRITIC):
        if place and place.is_file() and sha256(place) == record["sha256"]:
            return place.read_bytes()
    return None


def _start_network(
    network, parts, start: Start, config: Config, strategy: Strategy
) -> tuple[Report, list[str]]:
    """Give the segmentor the weights that fit; return what came over, and what there is to say of its slices."""
    if set(strategy.new) >= set(SEGMENTOR):
        return Report(fresh={layer.name: "as the strategy says" for layer in network.layers if layer.weights}), []
    source = load_network(start.path)
    if start.about.get("network") == "encoder":
        report = _start_encoder(network, source)
    else:
        replaced = _replaced(network, parts, strategy)
        outputs, other = outputs_of(source, start.about, config)
        named = {"about": start.about, "config": config, "channels": source.input_shape[-1]}
        report = copy_layers(
            network, source, heads=[name for name, part in parts.items() if part == "head"], inputs=inputs_of(**named),
            outputs=outputs, other_head=other, replaced=replaced, planes=planes_left(**named),
        )  # fmt: skip
        if config.transfer:
            _refuse_misfits(report, start.path)
    if not report.copied:
        layers = some([layer.name for layer in source.layers if layer.weights])
        raise UserError(
            f"{place_of(config)}: no layer of {start.path} fits {config.model.family} ({layers} there); choose the "
            "model.family and sizes it is of, or another file"
        )
    return report, _slices_said(start.about, config, channels=source.input_shape[-1])


def _replaced(network, parts: dict[str, str], strategy: Strategy) -> tuple[str, ...]:
    """Return the layers that start anew although the source has them."""
    if LAST_THREE in strategy.new:
        return last_three(network, parts, named=NAMED_LAST_THREE)
    return tuple(name for name, part in parts.items() if part in strategy.new)


def _start_critic(critic, start: Start, config: Config) -> Report:
    """Give the critic the weights that fit; behind the images it sees the masks, region by region."""
    modalities, regions = start.about.get("modalities") or (), start.about.get("regions") or ()
    inputs = places([config.transfer.inputs.get(name) for name in config.data.modalities], modalities)
    if critic.get_layer("enc1_conv").kernel.shape[-2] > len(config.data.modalities):
        behind = places(config.data.regions, regions)
        inputs += [None if place is None else len(modalities) + place for place in behind]
    report = copy_layers(critic, load_network(start.critic), inputs=inputs)
    _refuse_misfits(report, start.critic)
    return report


def _check_encoder(start: Start, config: Config) -> None:
    """Refuse an encoder of natural images for a network that has none like it."""
    if start.about.get("network") == "encoder" and not config.model.family.startswith("albunet"):
        raise UserError(
            f"{place_of(config)} is the encoder of a ResNet34, which albunet2d and albunet3d have; found "
            f"{config.model.family}; give weights of that family"
        )


def _start_encoder(network, source) -> Report:
    """Give AlbuNet the encoder of a ResNet34."""
    load_encoder(network, collect(source, encoder_names(source)))
    copied = tuple(encoder_names(network))
    fresh = {layer.name: "not in it" for layer in network.layers if layer.weights and layer.name not in copied}
    return Report(copied, fresh=fresh)


def _refuse_misfits(report: Report, path: Path) -> None:
    """Refuse a transfer between networks of other sizes or stages, of which a part would start anew.

    Raises:
        UserError: it names the first of the layers.
    """
    wrong = [f"layer {name}: {report.fresh[name]}" for name in report.misfits]
    wrong += [f"layer {name} is there, not here" for name in report.unused]
    if wrong:
        more = f", and {len(wrong) - 1} more" if len(wrong) > 1 else ""
        raise UserError(
            f"{path} is a network of other sizes than this configuration builds ({wrong[0]}{more}); use those of the "
            "source, for example by leaving --config out"
        )


# === Said ===


def _inputs_said(about: dict, config: Config) -> list[str]:
    """Say where the inputs' weights come from, where that is not plain."""
    there, here = about.get("modalities"), config.data.modalities
    if config.transfer and config.transfer.inputs:
        return [f"  input {new} ← {old or 'new, random weights'}" for new, old in config.transfer.inputs.items()]
    if there and sorted(there) != sorted(here):
        return [f"  inputs were {', '.join(there)} there, are {', '.join(here)} here"]
    if about.get("network") == "encoder" and len(here) != 3:
        return [f"  stem_conv: 3 colours summed for {len(here)} inputs"]
    return []


def _slices_said(about: dict, config: Config, *, channels: int) -> list[str]:
    """Say which slices a network of slices begins with, where the source sees more of them, or fewer."""
    here = config.data.slices
    there, _ = slices_of(about, channels=channels) if about.get("modalities") else (here, False)
    if there == here:
        return []
    rest = f"the {here - there} beyond start at zero" if here > there else f"{there - here} are left out"
    return [f"  slices of a modality: {there} there, {here} here; those in the middle come over, {rest}"]


def _said(name: str, network: keras.Model, report: Report) -> list[str]:
    """Say how much came over, and what did not."""
    layers = len(report.copied) + len(report.fresh or {})
    few, everything = count_parameters(network, report.copied), network.count_params()
    head = f"  {name}: {len(report.copied)} of {layers} layers, {few:,} of {everything:,} parameters come over"
    return [head, *(f"    {line}" for line in report.lines())]


def _describe(network: keras.Model, parts: dict, record: dict, strategy: Strategy) -> list[str]:
    """Say what stands still, what trains although its part does not, and how many parameters train."""
    lines = [f"    frozen: {len(record['frozen'])} layers ({some(record['frozen'])})" if record["frozen"] else
             "    frozen: none"]  # fmt: skip
    spared = [name for name in record["new"] if parts[name] in strategy.frozen]
    if spared and LAST_THREE not in strategy.new:
        lines.append(f"    new, so trained although its part stands still: {some(spared)}")
    trainable = sum(int(keras.ops.size(weight)) for weight in network.trainable_weights)
    return [*lines, f"    {trainable:,} of {network.count_params():,} parameters train"]
