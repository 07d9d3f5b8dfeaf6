"""Typical mistakes in arguments, keys, names and paths are answered before TensorFlow is imported, which is slow."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MISTAKES = {
    "trian": "did you mean train?",
    "configs shwo": "did you mean configs show?",
    "train --config nnunet_smal": "did you mean --config nnunet_small?",
    "train --confg nnunet_small": "--confg",
    "train --config nnunet_small --set model.familly=unet3d": "did you mean model.family?",
    "train --config nnunet_small --set train.epochs=many": "expected a whole number",
    "train --config nnunet_small --set data.patch=[100,100,100]": "must be divisible by",
    "train --config nnunet_small --modality flare": "flair",
    "train --config nnunet_small --set model.pretrained=nothing.keras": "model.pretrained: there is no nothing.keras",
    "train --config nnunet_small --modality any --set train.teacher=nobody": "there is none at nobody",
    "train --config nnunet_small --set train.teacher=nobody": "which --modality any sets",
    "train --config nnunet_small --devices tpu": "expected cpu, cpu:2, gpu or gpu:0,1",
    "train --config nnunet_small --distributed mpi": "invalid choice",
    "train --config nnunet_small --distributed slurm": "expected the variable SLURM_PROCID; found none; start every",
    "train --config nnunet_small --distributed tf_config": "expected the variable TF_CONFIG; found none; set it to",
    "train --config nnunet_small --distributed slurm --devices cpu:2": "type --devices cpu, and start more workers",
    "transfer --source zoo:segan_flair --target t2 --distributed slurm": "expected the variable SLURM_PROCID",
    "transfer --source zoo:segan_flair --target t2 --distributed slurm --scratch": "leave it out",
    "train --config nnunet_small --split no/split.json": "a file of cases at --split no/split.json",
    "crossval -- train --config nnunet_small --distributed slurm": "crossval runs each fold on one machine",
    "train --config nnunet_small --data nowhere": "nowhere does not exist",
    "train --config nnunet_small --data empty": "give the folder that holds the cases",
    "train --config combined_small --data empty --source-data nowhere": "give the folder that holds the cases",
    "train --config nnunet_small --split nobody": "no run at nobody",
    "train --config nnunet_small --fold 7": "--fold expects 0 to 4",
    "train --config nnunet_small --fold 0 --stratify sites": "type, for example, --stratify site",
    "train --config nnunet_small --fold 0 --stratify nowhere.csv": "nowhere.csv is missing; give a table",
    "train --config nnunet_small --stratify site": "--stratify site needs --fold K beside it",
    "crossval --stratify radiomics -- train --config nnunet_small": "type --stratify groups.json",
    "train-segan --modality flair --set train.epoch=3": "did you mean train.epochs?",
    "train-segan --modality flair --data nowhere": "nowhere does not exist",
    "transfer --source flair --target t3": "unknown modality t3",
    "transfer --source flair --target t2": "there is no trained model of flair",
    "transfer --source nobody.keras --target t2": "no file nobody.keras",
    "finetune --from nobody --strategy all": "no run at nobody",
    "predict nobody empty out": "no run at nobody",
    "prepare nowhere out --like nobody": "nowhere does not exist",
    "prepare empty out --like nowhere": "give the folder that holds the cases",
    "prepare empty empty/out --like empty": "expected OUT beside IN",
    "prepare empty out --like empty --without skull": "expected steps out of bias,rigid,atlas,brain",
    "prepare empty out --like empty --substitute t1": "expected MODALITY=OTHER",
    "restore a.nii.gz nowhere b.nii.gz --onto flair": "expected a prepared case; nowhere is missing",
    "restore a.nii.gz nowhere b.png --onto flair": "expected OUT to end in .nii.gz",
    "restore a.nii.gz nowhere b.nii.gz --onto flair --smallest-component 0.1": "of a mask that is made here",
    "predict zoo:segan_flair empty out --like nowhere": "found no folder nowhere, and no run at nowhere",
    "predict zoo:segan_flair empty out --like empty": "found neither in empty",
    "check nowhere": "nowhere does not exist",
    "evaluate nowhere empty --out a.csv": "nowhere is none",
    "evaluate empty empty --out a.txt": "ends in .csv",
    "calibrate nobody": "no run at nobody",
    "calibrate zoo:segan_flair": "do not come along",
    "guarantee nobody": "no run at nobody",
    "guarantee nobody --alpha 2": "expected a number between 0 and 1",
    "guarantee zoo:segan_flair": "name labelled cases that it has not learnt from with --data DIR",
    "guarantee zoo:segan_flair --data nowhere --out a.json": "nowhere does not exist",
    "guarantee nobody --data empty --check nowhere.json": "nowhere.json is missing",
    "predict zoo:segan_flair empty out --guarantee all": "invalid choice",
    "radiomics nowhere a.csv": "nowhere does not exist",
    "radiomics empty a.txt": "ends in .csv",
    "dicom nowhere": "nowhere does not exist",
    "inspect nobody": "no run at nobody",
    "compare nobody other": "no run at nobody",
    "report nobody": "no run at nobody",
    "retest nobody --data empty": "no run at nobody",
    "second-look nobody": "no run at nobody",
    "second-look zoo:segan_flair": "name a labelled cohort",
    "second-look zoo:segan_flair --data nowhere --out a.json": "nowhere does not exist",
    "second-look zoo:segan_flair --data empty --out a.txt": "expected a name that ends in .json",
    "predict zoo:segan_flair empty out --flag-below 0.7": "learn it first: python -m segan_tl second-look",
    "predict zoo:segan_flair empty out --review nowhere.json": "nowhere.json is missing; make it with",
    "matrix nobody other": "no run at nobody",
    "export nobody out --plans plans.json": "no run at nobody",
    "import nowhere a.keras": "there is no nowhere",
    "crossval -- train --config nnunet_small --data nowhere": "nowhere does not exist",
    "ensemble nowhere nobody out": "expected a folder of masks; nowhere is none; check the path",
    "tune-postprocess nowhere": "no cross-validation at nowhere",
    "tune-postprocess --predictions empty --truth empty": "add --out postprocess.json",
    "tune-postprocess --predictions empty --truth nowhere --out a.json": "expected a folder of truths; nowhere is none",
    "crossval --gather nowhere": "no cross-validation at nowhere",
    "reproduce giacomello-2021": "giacomello-2020",
    "cache --cache nowhere": "there is none at nowhere",
    "cache --remove-unused soon": "expected a whole number from 0",
    "phantom out --cases -1": "expected a whole number from 1",
    "phantom out --variety harder": "expected a variety among plain, hard",
}
ALL = """
import contextlib, io, json, sys
from segan_tl.__main__ import main
answers = {}
for line in json.loads(sys.argv[1]):
    said = io.StringIO()
    with contextlib.redirect_stderr(said):
        try:
            code = main(line.split())
        except SystemExit as stopped:
            code = stopped.code
    answers[line] = [code, said.getvalue(), bool({"tensorflow", "keras"} & sys.modules.keys())]
print(json.dumps(answers))
"""


@pytest.fixture(scope="module")
def answers(tmp_path_factory):
    """Return what each mistake is answered: exit code, message, whether TensorFlow was imported by then."""
    folder = tmp_path_factory.mktemp("elsewhere")
    (folder / "empty").mkdir()
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(ROOT)!r})\n{ALL}", json.dumps(list(MISTAKES))],
        capture_output=True, encoding="utf-8", cwd=folder, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize("line", MISTAKES)
def test_a_mistake_is_answered_before_tensorflow_is_imported(line, answers):
    code, said, heavy = answers[line]
    assert code == 2 and MISTAKES[line] in said and "Traceback" not in said
    assert not heavy
