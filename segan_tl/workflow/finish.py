"""What is left to do for a run that is trained and scored: its curves and its page."""


def write_what_is_missing(this_run, *, page: bool) -> None:
    """Write the pictures and the page that a scored run lacks."""
    from segan_tl.report.score.owed import has_page

    if not this_run.curves.is_file():
        from segan_tl.report.figures import plot_curves

        plot_curves(this_run)
    if page and not has_page(this_run):
        write_page(this_run)


def write_page(this_run) -> None:
    """Write report.html and say so; what is wrong with the page itself does not end the command, a full disk does."""
    from segan_tl.console import console
    from segan_tl.errors import CannotWrite

    try:
        from segan_tl.report.html.page import write_report

        for remark in write_report([this_run], this_run.report):
            if not remark.startswith("Embedded images"):
                console.print(remark, markup=False, soft_wrap=True)
        console.print(f"everything in a browser: {this_run.report}", soft_wrap=True)
    except CannotWrite:
        raise
    except Exception as error:
        console.print(f"no report.html: {type(error).__name__}: {error}", style="yellow", markup=False, soft_wrap=True)


def owes_nothing(this_run) -> bool:
    """Return whether a folder holds no training, or one that has all that it leads to, but for a page."""
    from segan_tl.report.score.owed import is_complete

    return not this_run.config.is_file() or is_complete(this_run, page=False)
