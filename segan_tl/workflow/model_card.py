"""The model card of an exported network: what it was trained on, how well it did, and what it must not be used for."""

from segan_tl.zoo.find import CARD

TITLES = {
    "wt": "whole tumour", "tc": "tumour core", "et": "enhancing tumour", "ed": "oedema",
    "ncr": "necrotic and non-enhancing core", "rc": "resection cavity", "lesion": "lesion",
}  # fmt: skip
NO_LICENCE = (
    "Nobody has stated one. The data that it learnt from may forbid to pass it on, or to use it for profit: ask those "
    "who exported it."
)
SYNTHETIC = "**Synthetic: no patient was seen.** Every example was simulated."


def make_card(member, about: dict, *, repository: bool = False) -> str:
    """Return the card, Markdown.

    Args:
        member: the run.
        about: its artefact.json.
        repository: whether it is of a repository of hf://, whose card begins with what its pages are sorted by.
    """
    data = member.config.data
    seen = f"{', '.join(data.modalities)}" + (", any of them" if data.any_subset else "")
    seen = "one image of any contrast" if member.config.any_contrast else seen
    parts = [
        *([_front_matter(about)] if repository else []),
        f"# {about['name']}",
        f"A {member.config.model.row.title} that segments {_regions(data.regions)}. It sees {seen}.",
        "**For research only: not a medical device, not for diagnosis or treatment.**",
        "## What it was trained on",
        _training(member, about),
        "## Scores",
        _scores(member),
        "## Preparation and decision",
        _settings(member.config),
        "## Licence",
        about["licence"] or NO_LICENCE,
        "## To use it",
        _use(repository),
        *_own_card(member),
    ]
    return "\n\n".join(parts) + "\n"


def _front_matter(about: dict) -> str:
    """Return the lines between dashes that the pages of Hugging Face read."""
    licence = [f"license: {about['licence'].lower()}"] if about["licence"] else []
    lines = ["library_name: keras", *licence, "pipeline_tag: image-segmentation", "tags: [mri, brain-tumour, segan_tl]"]
    return "\n".join(["---", *lines, "---"])


def _regions(regions) -> str:
    return ", ".join(f"{TITLES[region]} ({region})" for region in regions)


def _training(member, about: dict) -> str:
    cases, data = about["data"].get("cases") or {}, about["data"]
    counted = ", ".join(f"{number} {part}" for part, number in cases.items() if isinstance(number, int))
    layout = f" in the layout {data['layout']}" if data.get("layout") else ""
    lines = [SYNTHETIC] if member.synthetic else []
    lines.append(f"Cases{layout}: {counted or 'not recorded'}.")
    if "best_epoch" in about:
        dice = about.get("best_dice")
        lines.append(
            f"The best of {about.get('epochs')} epochs was number {about['best_epoch']}"
            + (f", with a mean validation Dice of {dice:.3f}." if isinstance(dice, float) else ".")
        )
    if about.get("state", "finished") != "finished":
        lines.append("The training is not finished: this is its best so far.")
    made = ", ".join(f"{program} {version}" for program, version in about.get("versions", {}).items())
    lines.append(f"{about['parameters']:,} parameters" + (f"; trained with {made}." if made else "."))
    return " ".join(lines)


def _scores(member) -> str:
    """Return the table of the run's own test cases."""
    from segan_tl.runs import read_json

    summary = read_json(member.run.summary) if member.run.summary.is_file() else {}
    regions = summary.get("regions", {})
    if not regions:
        return "The run has no scores of test cases."
    rows = ["| region | cases | Dice, mean ± sd | median | HD95 mm, mean |", "|---|---|---|---|---|"]
    for region, found in regions.items():
        dice, distance = found.get("dice", {}), found.get("hd95_mm", {})
        spread = "" if dice.get("std") is None else f" ± {dice['std']:.3f}"
        rows.append(
            f"| {region} | {dice.get('n', 0)} | {_number(dice.get('mean'), 3)}{spread} | "
            f"{_number(dice.get('median'), 3)} | {_number(distance.get('mean'), 1)} |"
        )
    kind = "simulated test cases of its own split, which say nothing of patients" if member.synthetic else ""
    return f"Of the {kind or 'test cases of its own split'}:\n\n" + "\n".join(rows)


def _number(value, digits: int) -> str:
    return "" if value is None else f"{value:.{digits}f}"


def _settings(config) -> str:
    data, predict = config.data, config.predict
    grid = "the file's own voxels" if data.spacing_mm is None else f"voxels of {data.spacing_mm:g} mm"
    area = f"the middle {' × '.join(map(str, data.crop))}" if data.crop else "the head"
    how = "whole slices" if predict.whole_slices else f"overlapping patches of {' × '.join(map(str, data.patch))}"
    mirror = ", mean over flips" if predict.mirror else ""
    decided = f"threshold {predict.threshold:g}" if predict.decision == "threshold" else "the most probable label"
    return (
        f"Skull-stripped images in LPS order, air 0; {area} on {grid}, normalised by {data.normalise}; {how}{mirror}; "
        f"{decided}, components smaller than {predict.smallest_component:g} of the largest dropped. `config.json` has "
        "every number."
    )


def _use(repository: bool) -> str:
    if repository:
        return (
            '    import keras\n    segmentor = keras.saving.load_model("hf://USER/NAME")\n\nIt takes prepared images, '
            "channels last, and returns probabilities; the preparation stands above."
        )
    return (
        "    python -m segan_tl predict THIS.zip PATIENT OUT\n\nIt needs onnxruntime, neither Keras nor TensorFlow. "
        "`network.onnx` takes prepared images `image` (batch, …, channels), and returns `probability`, both float32, "
        "channels last; `labels.json` says what the channels and the numbers in the masks mean; `MANIFEST.json` has "
        "the sha256 of every part."
    )


def _own_card(member) -> list[str]:
    """Return the card that a network that comes along has already, one level deeper."""
    file = member.run.root / CARD
    if not file.is_file():
        return []
    lines = file.read_text(encoding="utf-8").strip().splitlines()
    return ["## The card of the run", "\n".join(f"##{line}" if line.startswith("#") else line for line in lines)]
