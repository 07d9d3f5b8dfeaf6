"""Make a finished run a network that comes along: segan_tl/zoo/NAME/, without paths, cases or optimizers.

    python benchmarks/make_zoo.py runs/zoo_segan/glioma-3t-flair segan_random --card card.md --scores scores.md

The card is Markdown, by default benchmarks/zoo_card.md; its first sentence is what `python -m segan_tl zoo` says. In it
$name, $modality, $inputs, $training, $scores and $files are replaced; $scores by the file --scores, Markdown too.
"""

import argparse
import hashlib
import json
import os
import re
import shlex
import shutil
import string
import sys
import tempfile
import zipfile
from pathlib import Path

from segan_tl.disk.atomic import write_json, write_text
from segan_tl.disk.manifest import sha256, verify, write_manifest
from segan_tl.disk.paths import safe_name
from segan_tl.errors import UserError
from segan_tl.models.archive import PROVENANCE, WEIGHTS
from segan_tl.report.inspect.checkpoint import read_network
from segan_tl.runs import Run, open_run, read_json, require_finished
from segan_tl.zoo.find import CARD, ZOO

NETWORKS = ("segmentor.keras", "critic.keras")
OF_A_MACHINE = ("--runs", "--cache", "--jobs", "--devices")  # options of a training that decide nothing
STARTS = (("transfer", None), ("source", None), ("model", "pretrained"), ("model", "file"), ("train", "teacher"))
PATH = re.compile(r"(?:^|[\s\"'=(])(?:/|~/|[A-Z]:\\)\w")
NO_SCORES = """<!-- scores: to be filled by make_zoo.py --scores FILE -->

| cohort | T1 | T1c | T2 | FLAIR |
|---|---|---|---|---|
| not measured yet | – | – | – | – |"""


def make_entry(run: Run, folder: Path, *, card: str, scores: str | None = None) -> None:
    """Write a network's folder; one that is there goes once the new one is whole.

    Args:
        run: finished, of synthetic patients, from random weights.
        folder: which is replaced; its name is that of the network.
        card: Markdown with marks to be replaced.
        scores: Markdown.

    Raises:
        UserError: the run may not, or cannot, come along; nothing is written then.
    """
    config, state = read_json(run.config), require_finished(run)
    _refuse(run, config, state)
    about = _without_machine(state)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".fresh-", dir=folder.parent) as temporary:
        fresh = Path(temporary) / folder.name
        made = Run(fresh)
        made.best.mkdir(parents=True)
        for name in [name for name in NETWORKS if (run.best / name).is_file()]:
            _copy_network(run.best / name, made.best / name)
        write_manifest(made.best)
        parameters = {name.removesuffix(".keras"): _count(made.best / name) for name in verify(made.best)}
        write_json(made.config, config)
        write_json(made.splits, read_json(run.splits))
        write_json(made.fingerprint, _fingerprint(run, config))
        write_json(made.state, about | {"parameters": parameters})
        _refuse_paths(made)
        values = {
            "name": folder.name, "modality": config["data"]["modalities"][0], "inputs": _inputs(config),
            "training": _training(config, about), "scores": scores or NO_SCORES, "files": _files(made),
        }  # fmt: skip
        write_text(fresh / CARD, string.Template(card).safe_substitute(values))
        if folder.exists():
            shutil.rmtree(folder)
        os.rename(fresh, folder)


# === What may come along ===


def _refuse(run: Run, config: dict, state: dict) -> None:
    """Refuse a run that has seen patients, or whose start cannot be told from its own configuration."""
    if state.get("data", {}).get("synthetic") is not True or state["data"].get("source", {}).get("synthetic") is False:
        raise UserError(f"{run.root} has learnt from patients, expected one of the synthetic cohort: leave --data out")
    for section, key in STARTS:
        found = config.get(section) or {}
        if found if key is None else found.get(key):
            place = section if key is None else f"{section}.{key}"
            raise UserError(f"{run.root} has {place}, expected a run that began with random weights and nothing else")
    verify(run.best)


def _without_machine(about: dict) -> dict:
    """Return what a run or a network says of itself, without folders and options of the machine it was trained on."""
    data = {key: value for key, value in about.get("data", {}).items() if key != "folder"}
    return about | {"data": data} | ({"command": _command(about["command"])} if about.get("command") else {})


def _command(line: str) -> str:
    """Return a command without the options that decide nothing of its result."""
    kept, words = [], iter(shlex.split(line))
    for word in words:
        if word in OF_A_MACHINE:
            next(words, None)
        elif not word.startswith(tuple(f"{option}=" for option in OF_A_MACHINE)):
            kept.append(word)
    return shlex.join(kept)


def _refuse_paths(made: Run) -> None:
    """Refuse texts in which a path of this machine is left."""
    texts = {path.name: path.read_text(encoding="utf-8") for path in made.root.rglob("*.json")}
    for file in made.best.glob("*.keras"):
        with zipfile.ZipFile(file) as archive:
            texts[f"{file.name}: {PROVENANCE}"] = archive.read(PROVENANCE).decode()
    for name, text in texts.items():
        if found := PATH.search(text):
            line = text[found.start() : found.start() + 60].strip()
            raise UserError(f"{name} names a path of this machine ({line}…); train again without that option")


# === Files ===


def _copy_network(source: Path, target: Path) -> None:
    """Copy a .keras file, byte for byte but for what it says of the machine."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        for member in old.infolist():
            content = old.read(member)
            if member.filename == PROVENANCE:
                content = json.dumps(_without_machine(json.loads(content)), indent=2).encode()
            new.writestr(member, content)


def _fingerprint(run: Run, config: dict) -> dict:
    """Return what the training cases looked like; not their brightness, where none of it was learnt from."""
    cohort = read_json(run.fingerprint)
    if config["phantom"]["contrast"] == "physics":
        return cohort
    return cohort | {"quantities": {k: v for k, v in cohort["quantities"].items() if not k.endswith(".quartile")}}


def _count(file: Path) -> int:
    """Return the number of parameters of a .keras file."""
    return sum(layer.parameters for layer in read_network(file).layers)


# === Card ===


def _inputs(config: dict) -> str:
    data, phantom = config["data"], config["phantom"]
    modalities, regions = ", ".join(data["modalities"]), ", ".join(data["regions"])
    if phantom["contrast"] == "physics" or len(data["modalities"]) > 1:
        return f"{modalities}; it segments {regions}."
    return (
        f"One image of any modality; it segments {regions}. Its training examples were painted in random contrasts "
        f"(`phantom.contrast = \"{phantom['contrast']}\"`); validation, which chose the epoch, saw {modalities}, "
        f"simulated, and that is what its configuration says. `predict` takes {modalities} unless `--modality` says "
        "another one."
    )


def _training(config: dict, about: dict) -> str:
    phantom, cases = config["phantom"], about["data"].get("cases", {})
    parts = ", ".join(f"{count} {part}" for part, count in cases.items())
    size = " × ".join(map(str, phantom["shape"]))
    versions = ", ".join(f"{name} {version}" for name, version in about["versions"].items())
    return (
        f"Cohort `{phantom['cohort']}`, {phantom['cases']} simulated patients of {size} voxels, seed {phantom['seed']} "
        f"({parts}); the best of {about['epochs']} epochs was number {about['best_epoch']}, with a validation Dice of "
        f"{about['best_dice'] or 0:.3f}. The command, and what it ran with:\n\n"
        f"    {about.get('command') or 'not recorded'}\n\n{versions}, commit {about.get('commit') or 'unknown'}."
    )


def _files(made: Run) -> str:
    """Return a row a file, and one for a network's weights: Keras writes dates and addresses beside them."""
    rows = ["| file | bytes | sha256 |", "|---|---|---|"]
    for path in sorted(path for path in made.root.rglob("*") if path.is_file() and path.name != CARD):
        name = path.relative_to(made.root)
        rows.append(f"| `{name}` | {path.stat().st_size} | `{sha256(path)}` |")
        if path.name in NETWORKS:
            weights = zipfile.ZipFile(path).read(WEIGHTS)
            rows.append(f"| … its `{WEIGHTS}` | {len(weights)} | `{hashlib.sha256(weights).hexdigest()}` |")
    return "\n".join(rows)


def main() -> int:
    """Make the entry, and say what it holds."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", help="folder of a finished run, or its name below runs/")
    parser.add_argument("name", help="of the network, behind zoo:")
    parser.add_argument("--card", type=Path, default=Path(__file__).with_name("zoo_card.md"), help="Markdown")
    parser.add_argument("--scores", type=Path, help="Markdown, which stands in the card for $scores")
    parser.add_argument("--to", type=Path, default=ZOO, help="folder of the zoo (segan_tl/zoo)")
    parser.add_argument("--overwrite", action="store_true", help="replace the network of that name")
    arguments = parser.parse_args()
    try:
        folder = arguments.to / safe_name(arguments.name, "the network")
        if folder.exists() and not arguments.overwrite:
            raise UserError(f"{folder} is there already; add --overwrite to replace it, or choose another name")
        scores = arguments.scores.read_text(encoding="utf-8").strip() if arguments.scores else None
        card = arguments.card.read_text(encoding="utf-8")
        make_entry(open_run(arguments.run), folder, card=card, scores=scores)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(f"{folder}: {sum(file.stat().st_size for file in folder.rglob('*') if file.is_file()):,} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
