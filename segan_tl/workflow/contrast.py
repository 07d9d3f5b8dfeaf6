"""Random contrast: tissue maps for the training cases of a synthetic cohort, and who has none."""


def refuse_without_tissues(option: str, phantom, cohort) -> None:
    """Refuse to draw contrasts for patients: nobody knows what tissue their voxels are.

    Args:
        option: which named the cohort.
        phantom: what a configuration says of the synthetic cohort in its place.
        cohort: the cohort in the folder.

    Raises:
        UserError: it says what to type.
    """
    from segan_tl.data.tissues import FACTS
    from segan_tl.errors import UserError

    if phantom.painted and not set(FACTS) <= set(cohort.settings):
        section = "phantom" if option == "--data" else "source.phantom"
        raise UserError(
            f"{section}.contrast {phantom.contrast!r} paints synthetic patients, whose tissues are known; found other "
            f"cases in {cohort.folder}: add --set {section}.contrast=physics, or leave {option} out"
        )


def give_tissues(arguments, phantom, cohort, cases: list) -> list:
    """Return prepared training cases with their tissue maps where their contrast is to be drawn; else as they are."""
    from segan_tl.console import progress_bar
    from segan_tl.data.tissues import add_tissues

    if not phantom.painted:
        return cases
    with progress_bar("drawing tissues", total=len(cases)) as advance:
        return add_tissues(cases, cohort.settings, arguments.cache, jobs=arguments.jobs, advance=advance)
