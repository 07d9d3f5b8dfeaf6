"""`python -m segan_tl export`: a network of ours as a checkpoint that nnU-Net v2 reads."""

import argparse
import shlex
from pathlib import Path

from segan_tl.workflow.numbers import fold

EPILOG = """examples:
  python -m segan_tl export nnunet/BraTS2021 checkpoint_final.pth --plans plans.json
  python -m segan_tl export nnunet/BraTS2021 nnUNet_results/Dataset137_X/nnUNetTrainer__nnUNetPlans__3d_fullres \\
      --plans plans.json --dataset dataset.json      the whole folder, for nnUNetv2_predict
  python -m segan_tl export nnunet.keras start.pth --plans plans.json      for nnU-Net's -pretrained_weights

The plan has to describe the network: nnU-Net's own of the dataset that it is to go on with. Without --dataset,
dataset.json says what our configuration says. Kernels are turned to nnU-Net's order of axes."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the command."""
    parser.description = "Write a trained nnunet of ours as a checkpoint of nnU-Net v2."
    parser.epilog = EPILOG
    parser.add_argument("source", metavar="RUN", help="folder of a run, its name below --runs, or a .keras file")
    parser.add_argument("out", type=Path, metavar="OUT", help="a name ending in .pth, or a results folder")
    parser.add_argument("--plans", type=Path, required=True, metavar="FILE", help="nnU-Net's plans.json")
    parser.add_argument("--dataset", type=Path, metavar="FILE", help="its dataset.json (made from our configuration)")
    parser.add_argument("--configuration", default="3d_fullres", metavar="NAME", help="of the plan (3d_fullres)")
    parser.add_argument("--fold", type=fold, default=0, metavar="K", help="number of the fold (0)")
    parser.add_argument("--keep-axes", action="store_true", help="the kernels are in nnU-Net's order of axes already")
    parser.add_argument("--overwrite", action="store_true", help="replace a file that exists")
    parser.add_argument("--runs", type=Path, default=Path("runs"), metavar="DIR", help="where runs are kept (runs)")


def run(arguments: argparse.Namespace) -> int:
    """Read, turn, write, and say what comes next."""
    import json

    from segan_tl.errors import UserError

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
    from segan_tl.errors import UserError
    from segan_tl.runs import open_run

    if arguments.source.endswith(".keras"):
        return Path(arguments.source)
    best = open_run(arguments.source, runs=arguments.runs).best
    if "segmentor.keras" not in verify(best):
        raise UserError(f"{best} holds no segmentor.keras; train the run first, or give a .keras file")
    return best / "segmentor.keras"
