"""`python -m segan_tl export`: a network for other programs: a zip that runs anywhere, a SavedModel, nnU-Net's."""

import argparse
import shlex
from pathlib import Path

from segan_tl.errors import UserError
from segan_tl.workflow.numbers import fold

EPILOG = """examples:
  python -m segan_tl export zoo:segan_flair flair.zip --portable            one file, for predict without TensorFlow
  python -m segan_tl export nnunet/BraTS2023/fold0 nnunet.zip --portable --postprocess postprocess.json
  python -m segan_tl export segan/flair OUT --saved-model                   for TensorFlow Serving
  python -m segan_tl export segan/flair OUT --hugging-face                  the folder of a repository for hf://
  python -m segan_tl export nnunet/BraTS2021 checkpoint_final.pth --plans plans.json
  python -m segan_tl export nnunet/BraTS2021 nnUNet_results/Dataset137_X/nnUNetTrainer__nnUNetPlans__3d_fullres \\
      --plans plans.json --dataset dataset.json      the whole folder, for nnUNetv2_predict
  python -m segan_tl export nnunet.keras start.pth --plans plans.json      for nnU-Net's -pretrained_weights

A portable zip holds the network as ONNX (float32), preparation and post-processing, label schema and model card, and
no name of a case. The same run gives the same bytes. Of a cross-validation every fold becomes a zip of its own, and
predict --ensemble mean takes them together. It and SavedModel want a run, which knows how images are prepared.
For nnU-Net the plan has to describe the network: nnU-Net's own of the dataset that it is to go on with. Without
--dataset, dataset.json says what our configuration says. Kernels are turned to nnU-Net's order of axes."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the command."""
    parser.description = "Write a trained network for other programs."
    parser.epilog = EPILOG
    parser.add_argument("source", metavar="RUN", help="a run, its name below --runs, or zoo:NAME; or a .keras file")
    parser.add_argument("out", type=Path, metavar="OUT", help="a name ending in .zip or .pth, or a folder")
    kind = parser.add_mutually_exclusive_group()
    kind.add_argument("--portable", action="store_true", help="one zip, for predict without TensorFlow")
    kind.add_argument("--saved-model", action="store_true", help="TensorFlow's SavedModel, a folder")
    kind.add_argument("--hugging-face", action="store_true", help="what a repository for hf:// holds, a folder")
    kind.add_argument("--plans", type=Path, metavar="FILE", help="a checkpoint of nnU-Net v2: its plans.json")
    parser.add_argument("--licence", metavar="NAME", help="of the network, for the model card: CC-BY-4.0")
    parser.add_argument("--postprocess", type=Path, metavar="FILE", help="of tune-postprocess, for --portable")
    parser.add_argument("--dataset", type=Path, metavar="FILE", help="its dataset.json (made from our configuration)")
    parser.add_argument("--configuration", default="3d_fullres", metavar="NAME", help="of the plan (3d_fullres)")
    parser.add_argument("--fold", type=fold, default=0, metavar="K", help="number of the fold, for nnU-Net (0)")
    parser.add_argument("--keep-axes", action="store_true", help="the kernels are in nnU-Net's order of axes already")
    parser.add_argument("--overwrite", action="store_true", help="replace a file that exists")
    parser.add_argument("--runs", type=Path, default=Path("runs"), metavar="DIR", help="where runs are kept (runs)")


def run(arguments: argparse.Namespace) -> int:
    """Write what is asked for, and say what comes next."""
    zipped = arguments.out.suffix == ".zip"
    if arguments.portable and not zipped:
        raise UserError(f"expected a name ending in .zip for --portable; found {arguments.out}; give one")
    if zipped and not arguments.portable:
        raise UserError(f"{arguments.out} would be a portable zip; add --portable, or give another OUT")
    if arguments.postprocess is not None and not arguments.portable:
        raise UserError("--postprocess goes into a portable zip; add --portable, or leave --postprocess out")
    if arguments.licence is not None and not (arguments.portable or arguments.hugging_face):
        raise UserError("--licence goes into a model card; add --portable or --hugging-face, or leave --licence out")
    if arguments.portable or arguments.saved_model or arguments.hugging_face:
        return _export_run(arguments)
    if arguments.plans is None:
        raise UserError(
            "expected what to export to; found none of --portable, --saved-model, --hugging-face and --plans FILE (for "
            "nnU-Net); add one"
        )
    return _export_nnunet(arguments)


def _export_run(arguments: argparse.Namespace) -> int:
    """Write the network of a run with what belongs to its use."""
    from segan_tl.console import console, start_tensorflow
    from segan_tl.predict.members import open_member
    from segan_tl.workflow.exporting import export_portable, export_repository, export_saved_model, require_free

    out, given = arguments.out, shlex.quote(str(arguments.out))
    require_free(out, folder=not arguments.portable, overwrite=arguments.overwrite)
    member = open_member(arguments.source, runs=arguments.runs)
    if member.artefact:
        raise UserError(f"{arguments.source} is an artefact already; give the run that it was exported from")
    start_tensorflow()
    if arguments.portable:
        digest, parts = export_portable(member, out, licence=arguments.licence, postprocess=arguments.postprocess)
        size_mb = out.stat().st_size / 1e6
        console.print(f"{member.name}: {out}, {size_mb:.1f} MB: {', '.join(sorted(parts))}", soft_wrap=True)
        console.print(f"sha256 {digest}")
        console.print(f"next: python -m segan_tl predict {given} PATIENT OUT", soft_wrap=True)
    elif arguments.saved_model:
        shape = export_saved_model(member, out)
        sizes = ", ".join("B" if size is None else str(size) for size in shape)
        console.print(f"{member.name}: {out}, from image ({sizes}) float32 to probability", soft_wrap=True)
        console.print(f"next: tensorflow.saved_model.load({str(out)!r}).serve(image)", soft_wrap=True)
    else:
        export_repository(member, out, licence=arguments.licence)
        console.print(f"{member.name}: {out}, with its model card", soft_wrap=True)
        console.print(f"next: huggingface-cli upload USER/NAME {given}", soft_wrap=True)
    return 0


def _export_nnunet(arguments: argparse.Namespace) -> int:
    """Read, turn, write, and say what comes next."""
    import json

    whole = arguments.out.suffix != ".pth"
    checkpoint = arguments.out / f"fold_{arguments.fold}" / "checkpoint_final.pth" if whole else arguments.out
    if checkpoint.exists() and not arguments.overwrite:
        raise UserError(f"{checkpoint} exists already; add --overwrite to replace it, or give another OUT")
    from segan_tl.console import console, start_tensorflow
    from segan_tl.models.provenance import read_provenance
    from segan_tl.schemas.datasets import NnunetDataset, Plans
    from segan_tl.schemas.reading import read_json

    file = _find(arguments)
    plans = read_json(arguments.plans, Plans)
    about = read_provenance(file)

    start_tensorflow()
    from segan_tl.models.foreign.convert_nnunet import export_nnunet
    from segan_tl.models.foreign.dataset_json import make_dataset
    from segan_tl.models.weights import load_network

    model = load_network(file)
    if (modalities := about.get("modalities")) and model.input_shape[-1] == 2 * len(modalities):
        raise UserError(
            f"{file} takes any subset of its modalities, with a plane for each that says whether it is there, which "
            "nnU-Net does not make; expected a network that sees all of them; export one trained with --modality all"
        )
    dataset = read_json(arguments.dataset, NnunetDataset) if arguments.dataset else make_dataset(about, source=file)
    beside = {arguments.out / "plans.json": plans, arguments.out / "dataset.json": dataset} if whole else {}
    for path, content in beside.items():
        if path.exists() and not arguments.overwrite and json.loads(path.read_bytes()) != content:
            raise UserError(f"{path} exists already, another one; add --overwrite to replace it, or give another OUT")
    export_nnunet(
        model, checkpoint, plans=plans, dataset=dataset, configuration=arguments.configuration, fold=arguments.fold,
        keep_axes=arguments.keep_axes, beside=beside,
    )  # fmt: skip
    console.print(f"{file}: {model.count_params():,} parameters, as nnU-Net's {checkpoint}", soft_wrap=True)
    out = shlex.quote(str(arguments.out))
    following = f"next: nnUNetv2_predict_from_modelfolder -i IMAGES -o OUT -m {out} -f {arguments.fold}"
    wanting = "its predictor wants plans.json and dataset.json two folders above"
    console.print(following if whole else wanting, soft_wrap=True)
    return 0


def _find(arguments) -> Path:
    """Return the .keras file that the user means, a run's verified first."""
    from segan_tl.disk.manifest import verify
    from segan_tl.runs import open_run

    if arguments.source.endswith(".keras"):
        return Path(arguments.source)
    best = open_run(arguments.source, runs=arguments.runs).best
    if "segmentor.keras" not in verify(best):
        raise UserError(f"{best} holds no segmentor.keras; train the run first, or give a .keras file")
    return best / "segmentor.keras"
