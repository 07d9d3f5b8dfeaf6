"""`check --like RUN`: which cases of a folder are unlike those that a run was trained on."""

from collections.abc import Callable

from segan_tl.zoo.find import spell


def examiner(member) -> Callable | None:
    """Return a function from a checked case to what lies outside of the run's training, None where it does not know."""
    from segan_tl.data.fingerprint import fingerprint_case, unlike_training
    from segan_tl.predict.inputs import labels_tell
    from segan_tl.predict.members import resampled_mm

    if member.cohort is None:
        return None

    def examine(checked) -> list[str]:
        data, spacing_mm = member.config.data, checked.geometry.in_lps.spacing_mm
        images = {name: image for name, image in checked.images.items() if name in data.modalities}
        labels = checked.labels if labels_tell(checked.case, data.regions) else None
        numbers = fingerprint_case(images, spacing_mm=spacing_mm, labels=labels)
        return unlike_training(numbers, member.cohort, target_mm=resampled_mm(member.config))

    return examine


def print_likeness(checked: list, member) -> None:
    """Print every remark on every case, and how many cases have some."""
    from segan_tl.console import console

    if member.cohort is None:
        from segan_tl.predict.remarks import warn_of_unknown_cohort

        for line in warn_of_unknown_cohort([member]):
            console.print(line, style="yellow", markup=False, soft_wrap=True)
        return
    for item in checked:
        for remark in item.remarks:
            console.print(f"{item.case.id}  {remark}", style="yellow", markup=False, soft_wrap=True)
    good = sum(not item.problems for item in checked)
    unlike = sum(bool(item.remarks) for item in checked)
    are, trained = "is" if unlike == 1 else "are", member.cohort["cases"]
    summary = f"{unlike} of {good} good cases {are} unlike the {trained} that {spell(member.run.root)} was trained on"
    console.print(summary, markup=False, soft_wrap=True)
