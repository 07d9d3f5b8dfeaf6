"""Configurations as they were written before all families had one schema: SegAN's, which named no family."""

# Older key of SegAN → where its value stands now.
MOVED = {
    "train.tumour_fraction": "data.foreground",
    "train.update": "critic.update",
    "train.critic_steps": "critic.steps",
    "train.segmentor_steps": "critic.segmentor_steps",
    "train.clip": "critic.clip",
    "train.adversarial_weight": "critic.weight",
    "train.critic_learning_rate": "critic.learning_rate",
    "model.critic_filters": "critic.filters",
    "model.critic_input": "critic.input",
}
# What SegAN had where its configuration said nothing [Giacomello 2020, IV].
DEFAULTS = {
    "data": {
        "modalities": ["flair"], "regions": ["wt"], "normalise": "percentiles", "crop": [180, 180, 128],
        "patch": [1, 160, 160], "sampling": "slices", "foreground": 0.0,
    },
    "augment": {"mirror_axes": ["H"], "gamma_keeps_statistics": False, "balanced": False},
    "model": {"family": "segan", "deep_supervision": False},
    "train": {
        "batch_size": 64, "epochs": 100_000, "patience": 500, "steps_per_epoch": 0, "loss": "squared_dice",
        "dice_smooth": 1e-6, "optimizer": "rmsprop", "learning_rate": 2e-5, "schedule": "constant", "clip_norm": 0.0,
    },
    "critic": {},
    "predict": {"whole_slices": True, "mirror": False, "batch_size": 16},
}  # fmt: skip


def upgrade(values: dict) -> dict:
    """Return a configuration with SegAN's older keys in their new places; one of another family is left as it is.

    SegAN's name, which may be left out, is filled in.
    """
    model = values.get("model", {})
    segan = isinstance(model, dict) and model.get("family", "segan") == "segan"
    if not segan:
        return values
    values = {"name": "segan"} | {key: dict(part) if isinstance(part, dict) else part for key, part in values.items()}
    older = "family" not in model
    for old, new in MOVED.items():
        _move(values, old, new)
    _change(values, "data.window", "data.patch", lambda window: [1, *window])
    _change(values, "train.dice_weight", "train.loss_weights", lambda weight: [weight, 1.0])
    if values.get("train") and values["train"].get("steps_per_epoch", 0) is None:
        values["train"]["steps_per_epoch"] = 0
    if not older:
        return values
    for key in ("leaky_slope", "norm_momentum"):
        if key in values.get("model", {}):
            values.setdefault("critic", {}).setdefault(key, values["model"][key])
    _upgrade_augmentation(values)
    for section, defaults in DEFAULTS.items():
        if isinstance(values.get(section) or {}, dict):
            values[section] = defaults | (values.get(section) or {})
    return values


def _upgrade_augmentation(values: dict) -> None:
    """Turn SegAN's strengths, of changes that every slice had, into chances and ranges."""
    old = values.get("augment")
    if not isinstance(old, dict):
        return
    _change(values, "augment.flip", "augment.mirror", lambda chance: chance)
    if "rotation_degrees" in old and "rotation" not in old:
        values["augment"]["rotation"] = 1.0 if old["rotation_degrees"] else 0.0
    for key, chance, span in (
        ("scale", "scaling", "scale"), ("gamma", "gamma", "gamma_exponent"), ("noise", "noise", "noise_std"),
        ("brightness", "brightness", "brightness_factor"),
    ):  # fmt: skip
        strength = old.get(key)
        if not isinstance(strength, int | float) or isinstance(strength, bool) or span in old and span != key:
            continue
        del values["augment"][key]
        if strength:
            ranges = {"noise": [strength, strength], "brightness": [1 - strength, 1 + strength]}
            values["augment"] |= {chance: 1.0, span: ranges.get(key, [1 / (1 + strength), 1 + strength])}


def _move(values: dict, old: str, new: str) -> None:
    _change(values, old, new, lambda value: value)


def _change(values: dict, old: str, new: str, change) -> None:
    section, key = old.split(".")
    if not isinstance(values.get(section), dict) or key not in values[section]:
        return
    value = values[section].pop(key)
    section, key = new.split(".")
    if not isinstance(values.setdefault(section, {}), dict):
        values[section] = {}
    try:
        values[section][key] = change(value)
    except TypeError:  # no list: the schema says what is expected
        values[section][key] = value
