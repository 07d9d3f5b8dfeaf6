"""`python -m segan_tl import`: a PyTorch checkpoint of another program as a .keras file, or as a run."""

import argparse
import shlex
from pathlib import Path

KINDS = ("nnunet", "mednext", "resnet34")
CONFIGS = {"nnunet": "nnunet", "resnet34": "albunet2d"}
EPILOG = """examples:
  python -m segan_tl import nnUNet_results/Dataset137_X/nnUNetTrainer__nnUNetPlans__3d_fullres nnunet.keras
  python -m segan_tl import checkpoint_final.pth nnunet.keras --plans plans.json --dataset dataset.json
  python -m segan_tl import checkpoint_final.pth --run runs/theirs        then: predict theirs PATIENT OUT
  python -m segan_tl import model_final_checkpoint.model mednext.keras    MedNeXt; size and kernel are found out
  python -m segan_tl import resnet34-b627a593.pth resnet34.keras          torchvision's ImageNet weights, for AlbuNet
  python -m segan_tl train --config nnunet --data DIR --set model.pretrained=nnunet.keras

Nothing in the file is executed, and PyTorch is not needed. nnU-Net's and MedNeXt's kernels are turned from (z, y, x) to
the axes of volumes here (z, x, y); --keep-axes leaves them."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the command."""
    parser.description = "Turn PyTorch weights of nnU-Net v2, MedNeXt or ResNet34 into a .keras file or a run."
    parser.epilog = EPILOG
    parser.add_argument("source", type=Path, metavar="SOURCE", help="results folder of nnU-Net, or file of weights")
    parser.add_argument("out", type=Path, nargs="?", metavar="OUT.keras", help="file to write")
    parser.add_argument("--from", dest="kind", choices=KINDS, help="whose it is (found out from its tensors)")
    parser.add_argument("--run", type=Path, metavar="DIR", help="also write a run, which predict segments with")
    parser.add_argument("--plans", type=Path, metavar="FILE", help="nnU-Net's plans.json (the checkpoint's own)")
    parser.add_argument("--dataset", type=Path, metavar="FILE", help="its dataset.json (the checkpoint's own)")
    parser.add_argument("--configuration", metavar="NAME", help="configuration of the plan, such as 3d_fullres")
    parser.add_argument("--fold", metavar="K", help="fold of a results folder (the first one there is)")
    parser.add_argument("--modalities", type=_names, default=(), metavar="A,B", help="what the channels are, in order")
    parser.add_argument("--regions", type=_names, default=(), metavar="A,B", help="what the outputs are, in order")
    parser.add_argument("--all-heads", action="store_true", help="keep the outputs at low resolution, as logits")
    parser.add_argument("--keep-axes", action="store_true", help="leave kernels in nnU-Net's order of axes")
    parser.add_argument("--overwrite", action="store_true", help="replace a file or run that exists")


def run(arguments: argparse.Namespace) -> int:
    """Read, turn, write, and say what it is and what comes next."""
    _check(arguments)
    from segan_tl.console import console, start_tensorflow
    from segan_tl.models.foreign.find import find_files, read_known

    files = find_files(arguments.source, fold=arguments.fold)
    weights, kind = read_known(files.checkpoint, kind=arguments.kind)
    start_tensorflow()
    from segan_tl.models.foreign.checkpoint_files import import_weights

    model, about = import_weights(
        files, weights, kind=kind, plans=arguments.plans, dataset=arguments.dataset,
        configuration=arguments.configuration, keep_axes=arguments.keep_axes,
    )  # fmt: skip
    about["left_out"] = [*about["left_out"], *_heads_left_out(model, arguments)]
    for line in _describe(model, about, files=files):
        console.print(line, markup=False, soft_wrap=True)
    named = {} if kind == "resnet34" else _name(arguments, model, about)
    config = _configure(arguments, kind, about, named) if arguments.run else None
    if arguments.out:
        _write_file(arguments, model, about | named, kind=kind)
    if arguments.run:
        _write_run(arguments, model, config, about=about)
    return 0


def _check(arguments) -> None:
    """Refuse what cannot be done before anything heavy is loaded."""
    import re

    from segan_tl.config.base import RUN_NAME
    from segan_tl.disk.paths import folder_name
    from segan_tl.errors import UserError

    if not arguments.source.exists():
        raise UserError(f"there is no {arguments.source}; give nnU-Net's results folder, or a file of weights")
    if not arguments.out and not arguments.run:
        raise UserError("expected OUT.keras, --run DIR, or both, to say where the network goes; found neither")
    if arguments.out and arguments.out.suffix != ".keras":
        raise UserError(f"{arguments.out} has to end in .keras, Keras' own format; give such a name")
    if arguments.out and arguments.out.exists() and not arguments.overwrite:
        raise UserError(f"{arguments.out} exists already; add --overwrite to replace it, or give another name")
    if arguments.run and not re.fullmatch(RUN_NAME, folder_name(arguments.run, "the folder of --run")):
        raise UserError(
            f"--run {arguments.run} names a run, expected letters, digits, _, - and . in its name; give another one"
        )
    if arguments.run and arguments.keep_axes:
        raise UserError("--run segments volumes in our order of axes; leave --keep-axes out, or write OUT.keras only")


def _heads_left_out(model, arguments) -> list[str]:
    """Return the low-resolution outputs that the written network does not have."""
    if arguments.all_heads:
        return []
    return sorted(layer.name for layer in model.layers if layer.name.startswith("logits_"))


def _describe(model, about, *, files) -> list[str]:
    """Say in lines for a person what was read."""
    epoch = f", epoch {about['epoch']}" if "epoch" in about else ""
    lines = [f"{about['software']}, {about['configuration']}{epoch}: {files.checkpoint}"]
    lines.append(f"  sha256 {about['source_sha256']}")
    channels, outputs = (", ".join(about[key]) or "not named" for key in ("channels", "outputs"))
    activation = f", {about['activation']}" if "activation" in about else ""
    lines.append(f"  {model.input_shape[-1]} channels ({channels}) → {outputs}{activation}")
    if "patch_size" in about:
        patch = " × ".join(map(str, about["patch_size"]))
        turned = list(about["axes"]) != sorted(about["axes"])
        order = "turned to our order of axes" if turned else "as they are in the file"
        lines.append(f"  patch {patch}; kernels {order}")
    layers = sum(bool(layer.weights) for layer in model.layers)
    left_out = ", ".join(about["left_out"]) or "nothing"
    lines.append(f"  {model.count_params():,} parameters in {layers} layers; left out: {left_out}")
    return lines


def _name(arguments, model, about) -> dict:
    """Return modalities and regions in our names; {} where they have none and no run needs them."""
    from segan_tl.errors import UserError
    from segan_tl.train.start.imported import name_modalities, name_regions

    try:
        return {
            "modalities": name_modalities(
                about["channels"], count=model.input_shape[-1], stated=arguments.modalities
            ),
            "regions": name_regions(
                about["outputs"], count=model.get_layer("logits").filters, activation=about["activation"],
                stated=arguments.regions,
            ),
        }  # fmt: skip
    except UserError:
        if arguments.run or arguments.modalities or arguments.regions:
            raise
        return {}


def _configure(arguments, kind, about, named):
    """Return the configuration of the run; print what is not as in nnU-Net."""
    from segan_tl.console import console
    from segan_tl.errors import UserError
    from segan_tl.train.start.imported import configure

    if kind == "resnet34":
        raise UserError(
            "a ResNet34 segments nothing: give OUT.keras instead of --run, and train AlbuNet from it with "
            "--set model.pretrained=OUT.keras"
        )
    config, remarks = configure(arguments.run.resolve().name, about, **named)
    for remark in remarks:
        console.print(remark, markup=False, soft_wrap=True)
    return config


def _write_file(arguments, model, about, *, kind) -> None:
    """Write the .keras file: a network to probabilities, with all heads, or an encoder."""
    from segan_tl.console import console
    from segan_tl.models import publish
    from segan_tl.train.start.imported import save_imported

    if kind != "resnet34" and not arguments.all_heads:
        model = publish(model, activation=about["activation"])
    about = about | {"network": "encoder" if kind == "resnet34" else "segmentor"}
    save_imported(model, arguments.out, about)
    console.print(f"wrote {arguments.out}", soft_wrap=True)
    console.print(f"next: {_training_command(arguments.out, about, kind=kind)}", markup=False, soft_wrap=True)


def _training_command(out, about, *, kind) -> str:
    """Return what starts a training from the file: a configuration, and where the network differs from it."""
    import json

    from segan_tl.config.load import load_config

    model = about.get("model", {})
    name = CONFIGS.get(kind) or f"mednext_{model['variant']}"
    known = load_config(name).model.model_dump(mode="json") if model else {}
    words = ["python", "-m", "segan_tl", "train", "--config", name, "--set", f"model.pretrained={out}"]
    for key, value in model.items():
        plain = json.loads(json.dumps(value))
        if known.get(key) != plain and (known.get(key) is not None or plain != _usual(key, model)):
            words += ["--set", f"model.{key}={json.dumps(value)}"]
    return shlex.join(words)


def _usual(key, model):
    """Return what a network has where the configuration leaves an option out, as far as a plan may say the same."""
    import json

    from segan_tl.models import mednext, nnunet

    family = {"nnunet": nnunet, "mednext": mednext}[model["family"]]
    if key in ("strides", "kernel_sizes"):
        rank, stages = len(model[key][0]), len(model[key])
        first, other = (1, 2) if key == "strides" else (3, 3)
        return [[first] * rank] + [[other] * rank] * (stages - 1)
    usual = family.VARIANTS[model["variant"]].get(key, getattr(family, key.upper(), None))
    return json.loads(json.dumps(usual))


def _write_run(arguments, model, config, *, about) -> None:
    """Write the run directory."""
    from segan_tl.console import console
    from segan_tl.runs import Run
    from segan_tl.train.start.imported import write_run

    write_run(Run(arguments.run), model, config, provenance=about, overwrite=arguments.overwrite)
    data = config.data
    console.print(f"wrote {arguments.run}: {', '.join(data.modalities)} → {', '.join(data.regions)}", soft_wrap=True)
    console.print(f"next: python -m segan_tl predict {shlex.quote(str(arguments.run))} PATIENT OUT", soft_wrap=True)


def _names(text: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in text.split(",") if word.strip())
