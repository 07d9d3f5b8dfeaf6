"""Small cohorts whose tumour is plain to see, and runs whose segmentor sees it: a threshold written as a network."""

import json
from pathlib import Path

import keras
import nibabel
import numpy as np

from segan_tl.config.load import validate
from segan_tl.config.schema import Config
from segan_tl.disk.atomic import write_json
from segan_tl.disk.manifest import atomic_checkpoint
from segan_tl.models.segan import build_critic, build_segmentor
from segan_tl.models.weights import save_network
from segan_tl.runs import Run

SHAPE = (24, 20, 10)
SPACING_MM = (2.0, 2.0, 3.0)
# Which labels of BraTS 2021 shine in which modality: FLAIR shows wt, T2 tc, T1c et, T1 nothing.
BRIGHT = {"flair": (1, 2, 4), "t2": (1, 4), "t1ce": (4,), "t1": ()}


def small_config(modalities=("flair",), regions=("wt",), **predict) -> Config:
    """Return a configuration that fits SHAPE."""
    data = {"crop": (20, 18, 8), "patch": (1, 16, 16), "percentiles": (0, 100), "normalise": "percentiles"}
    data |= {"sampling": "slices", "modalities": list(modalities), "regions": list(regions)}
    values = {
        "name": "small", "data": data, "train": {"loss": "squared_dice"}, "critic": {"filters": [4, 8, 8]},
        "model": {"family": "segan", "filters": [4, 8, 8, 8], "deep_supervision": False},
        "predict": {"whole_slices": True, "mirror": False, "batch_size": 4, **predict},
    }  # fmt: skip
    return validate(values, source="the test")


def small_labels(radius_voxels: float = 5.0) -> np.ndarray:
    """Return nested spheres in BraTS 2021 numbers: oedema 2 around necrosis 1 around enhancing tumour 4."""
    grid = np.indices(SHAPE) - np.array([12, 10, 5]).reshape(3, 1, 1, 1)
    distance = np.sqrt((grid**2).sum(axis=0))
    labels = np.zeros(SHAPE, np.uint8)
    for value, share in ((2, 1.0), (1, 0.7), (4, 0.4)):
        labels[distance < share * radius_voxels] = value
    labels[:, :, [0, -1]] = 0  # the crop takes slices 1 to 8
    return labels


def write_case(folder: Path, case_id: str, labels: np.ndarray, *, with_mask=True, modalities=tuple(BRIGHT)) -> Path:
    """Write one case as BraTS 2021 does; brain is 100 and tumour 1000 where the modality shows it."""
    place = folder / case_id
    place.mkdir(parents=True)
    affine = np.diag([-SPACING_MM[0], -SPACING_MM[1], SPACING_MM[2], 1.0])
    affine[:3, 3] = (7, 11, -13)
    texture = np.random.default_rng(len(case_id)).integers(80, 120, SHAPE)
    for modality in modalities:
        image = np.where(np.isin(labels, BRIGHT[modality]), 1000, texture).astype(np.int16)
        image[:2] = 0
        nibabel.save(nibabel.Nifti1Image(image, affine), place / f"{case_id}_{modality}.nii.gz")
    if with_mask:
        nibabel.save(nibabel.Nifti1Image(labels, affine), place / f"{case_id}_seg.nii.gz")
    return place


def threshold_segmentor(channels: int) -> keras.Model:
    """Build a segmentor whose region r is where modality r, prepared, is above 0.5."""
    image = keras.Input((None, None, channels), name="image")
    logits = keras.layers.Conv2D(channels, 1, name="logits")(image)
    model = keras.Model(image, keras.layers.Activation("sigmoid", name="probability")(logits), name="segmentor")
    model.get_layer("logits").set_weights(
        [40 * np.eye(channels).reshape(1, 1, channels, channels), np.full(channels, -20.0)]
    )
    return model


def make_run(root: Path, config: Config, *, segmentor=None, critic=None, synthetic=True, **state) -> Run:
    """Write a run as training leaves it: configuration, state, splits, history and the best checkpoint."""
    run = Run(root)
    write_json(run.config, json.loads(config.model_dump_json()))
    provenance = {
        "name": config.name,
        "modalities": list(config.data.modalities),
        "regions": list(config.data.regions),
        "seed": config.seed,
        "data": {"folder": "cohort", "layout": "brats2021", "synthetic": synthetic},
        "versions": {"segan_tl": "0", "keras": keras.__version__},
        "commit": None,
    }
    write_json(run.state, {"state": "finished", "epochs": 4, "best_epoch": 3, "best_dice": 0.6} | provenance | state)
    write_json(run.splits, {"train": ["a"], "validation": ["b"], "test": ["c"]})
    rows = ["epoch,seconds,loss_segmentor,loss_critic,l1,dice_loss,dice_wt,dice,learning_rate_segmentor"]
    rows += [
        f"{e},1.5,{1 / e},{-0.1 * e},{0.1 * e},{0.9 / e},{dice},{dice},2e-5"
        for e, dice in enumerate((0.1, 0.4, 0.6, 0.5), 1)
    ]
    run.history.write_text("\n".join(rows) + "\n")
    with atomic_checkpoint(run.best) as folder:
        save_network(
            segmentor or threshold_segmentor(len(config.data.modalities)), folder / "segmentor.keras", provenance
        )
        if critic is not None:
            save_network(critic, folder / "critic.keras", provenance)
    return run


def small_networks(seed: int = 0) -> tuple[keras.Model, keras.Model]:
    """Build SegAN's two networks with few filters."""
    keras.utils.set_random_seed(seed)
    segmentor = build_segmentor((None, None, 1), filters=(4, 8, 8, 8))
    return segmentor, build_critic((None, None, 1), filters=(4, 8))


def interrupt_segmenting(monkeypatch, *, at: str) -> list[str]:
    """Interrupt the test of a run when it first segments that case; return the list that its cases go into."""
    from segan_tl.report.score import evaluate

    asked, segment = [], evaluate.segment_case

    def segment_or_stop(*arguments, case, **options):
        asked.append(case)
        if case == at and asked.count(case) == 1:
            raise KeyboardInterrupt
        return segment(*arguments, case=case, **options)

    monkeypatch.setattr(evaluate, "segment_case", segment_or_stop)
    return asked
