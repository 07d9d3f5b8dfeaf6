"""The runs of the reproduction of Wacker 2020: where they lie, and which weights they began with."""

from segan_tl.papers.runs import Facts, read_split
from segan_tl.papers.study import Group, only_there
from segan_tl.papers.study import Study as AnyStudy
from segan_tl.runs import Run, read_json

REGION_NAMES = {"et": "ET", "wt": "WT", "tc": "TC"}
NETWORKS = {"albunet3d": "AlbuNet3D", "albunet2d": "AlbuNet2D"}
STARTS = {"imagenet": "pretrained", "random": "random"}
# Network and start → how the paper's Table 1 calls it.
METHODS = {
    (network, start): name + (" - pretrained" if start == "imagenet" else "")
    for network, name in NETWORKS.items()
    for start in STARTS
}
SEEDS = (1, 2, 3, 4, 5)
# The first digits of the sha256 of resnet34 as torchvision published it, which are part of the files' names.
TORCHVISION_SHA256 = ("b627a593", "333f7ec4")
UNKNOWN_WEIGHTS = "**not torchvision's own file: whether it was trained on ImageNet is not known here**"
WEIGHTS = (
    "torchvision's ResNet34 trained on ImageNet, the file resnet34-b627a593.pth or resnet34-333f7ec4.pth that "
    'torchvision.models.resnet34(weights="IMAGENET1K_V1") downloads from https://download.pytorch.org/models/'
)


class Study(AnyStudy):
    """Two networks, two starts, five seeds."""

    paper = "wacker-2020"

    def run(self, network: str, start: str, *, seed: int) -> Run:
        """Return one run."""
        return self.place(f"-{network}-{start}-seed{seed}", self.target)

    def scored(self, network: str, start: str) -> dict[int, Run]:
        """Return seed → run of those that are trained and scored."""
        return only_there({seed: self.run(network, start, seed=seed) for seed in SEEDS})


def list_groups(study: Study) -> list[Group]:
    """Return the runs of every method."""
    return [
        Group(name, [study.run(network, start, seed=seed) for seed in SEEDS], "seeds")
        for (network, start), name in METHODS.items()
    ]


def ask_for_weights(study: Study) -> str:
    """Return what is to be said on top of a page whose pretrained half is missing; "" where some of it is there."""
    there = any(study.scored(network, "imagenet") for network in NETWORKS)
    return "" if there else f" The pretrained half needs {WEIGHTS}, given with --resnet34 FILE."


def describe(study: Study, runs: list[Run]) -> Facts:
    """Return data, scale, seeds, the steps beside the paper's, and the weights for the head of the page."""
    train = read_json(runs[0].config).get("train", {}) if runs else {}
    steps = ""
    if train:
        steps = f"; {train.get('epochs', '?')} epochs of {train.get('steps_per_epoch', '?')} steps (paper: 50 of 100)"
    scale = f"{study.scale}; seeds {', '.join(map(str, SEEDS))}{steps}"
    return Facts(read_split(runs), scale, (f"ImageNet weights: {_weights(study)}",))


def _weights(study: Study) -> str:
    """Return which file the pretrained runs started from, and whether it is torchvision's own."""
    files = {}
    for network in NETWORKS:
        for run in study.scored(network, "imagenet").values():
            origin = read_json(run.state).get("pretrained", {})
            files[origin.get("source_sha256", "not known")] = origin.get("source") or origin.get("file", "not known")
    texts = []
    for digest, name in sorted(files.items()):
        own = "torchvision's own file" if digest[:8] in TORCHVISION_SHA256 else UNKNOWN_WEIGHTS
        texts.append(f"{name}, sha256 {digest}, {own}")
    return "; ".join(texts) or "none given"
