"""Start a volumetric network from `model.pretrained` or `transfer.source`: a .keras file, or a run."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import keras

from segan_tl.config.adaptation import CRITIC_STRATEGIES
from segan_tl.config.schema import Config
from segan_tl.data.learnt import CASES, PATIENTS, Learnt, read_learnt
from segan_tl.disk.manifest import sha256, verify
from segan_tl.disk.reading import is_there, require_file
from segan_tl.errors import UserError
from segan_tl.models.foreign.torch_layout import collect
from segan_tl.models.provenance import read_provenance
from segan_tl.models.resnet import encoder_names, load_encoder
from segan_tl.models.weights import load_network
from segan_tl.runs import Run, read_json
from segan_tl.train.start.match import Report, copy_layers, count_parameters, some

PROVENANCE = ("software", "configuration", "source", "source_sha256", "name", "modalities", "regions", CASES, PATIENTS)


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
    def learnt_from(self) -> Learnt:
        """Return whom it was trained or tuned on, as far as it tells."""
        return read_learnt(self.record) or Learnt()


def find_pretrained(config: Config, run: Run, *, resuming: bool) -> Pretrained | None:
    """Find what `model.pretrained` or `transfer.source` names: a .keras file, or a run, which is verified first.

    Args:
        config: the configuration.
        run: what is to be trained.
        resuming: whether it goes on from its own last checkpoint; the file is not needed then.

    Returns:
        None where nothing is named; for a run that goes on, what its run.json recorded.

    Raises:
        UserError: there is no such file, it is no .keras file, it is not the one that the configuration means, or it
            would be deleted with the run.
    """
    if not (config.transfer or config.model.pretrained):
        return None
    if config.transfer and config.transfer.strategy in CRITIC_STRATEGIES:  # start.transfer takes care of it
        return None
    named = config.transfer.source if config.transfer else config.model.pretrained
    if resuming:
        # What a fine-tuning freezes was written down when it began.
        state = read_json(run.state) if config.transfer or run.state.is_file() else {}
        return Pretrained(None, state.get("pretrained", {"file": named}))
    path = _find_file(Path(named), run, place=_place(config))
    about, digest = read_provenance(path), sha256(path)
    if config.transfer and digest != config.transfer.source_sha256:
        raise UserError(
            f"transfer.source: {path} has sha256 {digest[:12]}…, the configuration means "
            f"{config.transfer.source_sha256[:12]}…: it was trained again since; run the command again"
        )
    origin = {key: about[key] for key in PROVENANCE if key in about}
    return Pretrained(path, {"file": str(path), "sha256": digest, **origin}, about)


def refuse_seen(pretrained: Pretrained | None, test: Mapping[str, str]) -> None:
    """Refuse test cases (case → patient) of patients that the file has learnt from.

    Raises:
        UserError: there are such.
    """
    seen = pretrained.learnt_from.seen(test) if pretrained else []
    if seen:
        raise UserError(
            f"{pretrained.path} was trained or tuned on the patients of {len(seen)} of the test cases "
            f"({', '.join(seen[:3])}): their Dice would be no test; take over its split with --split RUN, or "
            "remove these cases"
        )


def start_network(
    network: keras.Model, pretrained: Pretrained, config: Config, *, replaced: Sequence[str] = ()
) -> Report:
    """Give a fresh network the weights that fit, in place.

    Args:
        network: training network, with a layer `logits`.
        pretrained: see `find_pretrained`; its path is not None.
        config: says what the network's inputs and outputs are.
        replaced: layers that start anew although they might fit.

    Raises:
        UserError: nothing fits.
    """
    source = load_network(pretrained.path)
    if pretrained.about.get("network") == "encoder":
        report = _start_encoder(network, source, config)
    else:
        report = copy_layers(network, source, about=pretrained.about, config=config, replaced=replaced)
    if not report.copied:
        layers = some([layer.name for layer in source.layers if layer.weights])
        raise UserError(
            f"{_place(config)}: no layer of {pretrained.path} fits {config.model.family} ({layers} there); choose the "
            "model.family and sizes it is of, or another file"
        )
    return report


def _start_encoder(network, source, config) -> Report:
    """Give AlbuNet the encoder of a ResNet34."""
    if not config.model.family.startswith("albunet"):
        raise UserError(
            f"{_place(config)} is the encoder of a ResNet34, which albunet2d and albunet3d have; found "
            f"{config.model.family}; give weights of that family"
        )
    load_encoder(network, collect(source, encoder_names(source)))
    copied = tuple(encoder_names(network))
    fresh = {layer.name: "not in it" for layer in network.layers if layer.weights and layer.name not in copied}
    channels, colours = network.input_shape[-1], source.input_shape[-1]
    remarks = () if channels == colours else (f"stem_conv: {colours} colours summed for {channels} inputs",)
    return Report(copied, (), fresh, (count_parameters(network, copied), network.count_params()), (), remarks)


def _place(config: Config) -> str:
    """Return the name of the value that says what a training starts from."""
    return "transfer.source" if config.transfer else "model.pretrained"


def _find_file(path: Path, run: Run, *, place: str) -> Path:
    """Return the .keras file that is meant, outside of the run that it is to start."""
    if path.is_dir():
        if "segmentor.keras" not in verify(Run(path).best):
            raise UserError(f"{place}: {path} holds no best/segmentor.keras; name a run or a .keras file")
        path = Run(path).best / "segmentor.keras"
    if is_there(path):
        require_file(path)
    else:
        raise UserError(f"{place}: there is no {path}; give a .keras file, such as `import` writes, or a run")
    if path.suffix != ".keras":
        raise UserError(f"{place}: {path} is no .keras file; type python -m segan_tl import {path} OUT.keras first")
    if path.resolve().is_relative_to(run.root.resolve()):
        raise UserError(f"{place}: {path} lies in the run that is to be trained; copy it elsewhere first")
    return path
