"""Start a volumetric network from `model.pretrained`: a .keras file that `import` wrote, or a run."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import keras

from segan_tl.config import AnyConfig
from segan_tl.config_volume import VolumeConfig
from segan_tl.errors import UserError
from segan_tl.models.provenance import read_provenance
from segan_tl.models.resnet import encoder_names, load_encoder
from segan_tl.models.torch_layout import collect
from segan_tl.models.weights import load_network
from segan_tl.runs import Run, read_json, sha256, verify
from segan_tl.train.matching import Report, copy_layers, count_parameters, some

PROVENANCE = ("software", "configuration", "source", "source_sha256", "name", "modalities", "regions", "learnt_from")


@dataclass(frozen=True)
class Pretrained:
    """What a training starts from, or started from.

    Attributes:
        path: of the .keras file; None where the training goes on and the file is not needed any more.
        record: what run.json says of it: file, sha256 and where it comes from.
        about: provenance of the file.
    """

    path: Path | None
    record: dict
    about: dict = field(default_factory=dict)

    @property
    def learnt_from(self) -> frozenset[str]:
        """Return the cases that it was trained or tuned on, as far as it tells."""
        return frozenset(self.record.get("learnt_from") or ())


def find_pretrained(config: AnyConfig, run: Run, *, resuming: bool) -> Pretrained | None:
    """Find what `model.pretrained` names: a .keras file, or a run, whose best checkpoint is verified first.

    Args:
        config: the configuration.
        run: what is to be trained.
        resuming: whether it goes on from its own last checkpoint; the file is not needed then.

    Returns:
        None where nothing is named; for a run that goes on, what its run.json recorded.

    Raises:
        UserError: there is no such file, it is no .keras file, or it would be deleted with the run.
    """
    if not isinstance(config, VolumeConfig) or config.model.pretrained is None:
        return None
    if resuming:
        state = read_json(run.state) if run.state.is_file() else {}
        return Pretrained(None, state.get("pretrained", {"file": config.model.pretrained}))
    path = Path(config.model.pretrained)
    if path.is_dir():
        if "segmentor.keras" not in verify(Run(path).best):
            raise UserError(f"model.pretrained: {path} holds no best/segmentor.keras; name a run or a .keras file")
        path = Run(path).best / "segmentor.keras"
    if not path.is_file():
        raise UserError(f"model.pretrained: there is no {path}; give a .keras file, such as `import` writes, or a run")
    if path.suffix != ".keras":
        raise UserError(
            f"model.pretrained: {path} is no .keras file; type python -m segan_tl import {path} OUT.keras first"
        )
    if path.resolve().is_relative_to(run.root.resolve()):
        raise UserError(f"model.pretrained: {path} lies in the run that is to be trained; copy it elsewhere first")
    about = read_provenance(path)
    origin = {key: about[key] for key in PROVENANCE if key in about}
    return Pretrained(path, {"file": str(path), "sha256": sha256(path), **origin}, about)


def refuse_seen(pretrained: Pretrained | None, test: Sequence[str]) -> None:
    """Refuse test cases that the file has learnt from.

    Raises:
        UserError: there are such.
    """
    seen = sorted(pretrained.learnt_from & set(test)) if pretrained else []
    if seen:
        raise UserError(
            f"{pretrained.path} was trained or tuned on {len(seen)} of the test cases ({', '.join(seen[:3])}): their "
            "Dice would be no test; take over its split with --split RUN, or remove these cases"
        )


def start_network(network: keras.Model, pretrained: Pretrained, config: VolumeConfig) -> Report:
    """Give a fresh network the weights that fit, in place.

    Args:
        network: training network, with a layer `logits`.
        pretrained: see `find_pretrained`; its path is not None.
        config: says what the network's inputs and outputs are.

    Raises:
        UserError: nothing fits.
    """
    source = load_network(pretrained.path)
    if pretrained.about.get("network") == "encoder":
        report = _start_encoder(network, source, config)
    else:
        report = copy_layers(network, source, about=pretrained.about, config=config)
    if not report.copied:
        layers = some([layer.name for layer in source.layers if layer.weights])
        raise UserError(
            f"model.pretrained: no layer of {pretrained.path} fits {config.model.family} ({layers} there); choose the "
            "model.family and sizes it is of, or another file"
        )
    return report


def _start_encoder(network, source, config) -> Report:
    """Give AlbuNet the encoder of a ResNet34."""
    if not config.model.family.startswith("albunet"):
        raise UserError(
            f"model.pretrained is the encoder of a ResNet34, which albunet2d and albunet3d have; found "
            f"{config.model.family}; give weights of that family"
        )
    load_encoder(network, collect(source, encoder_names(source)))
    copied = tuple(encoder_names(network))
    fresh = {layer.name: "not in it" for layer in network.layers if layer.weights and layer.name not in copied}
    channels, colours = network.input_shape[-1], source.input_shape[-1]
    remarks = () if channels == colours else (f"stem_conv: {colours} colours summed for {channels} inputs",)
    return Report(copied, (), fresh, (count_parameters(network, copied), network.count_params()), (), remarks)
