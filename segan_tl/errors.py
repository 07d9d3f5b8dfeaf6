"""The one exception that is meant for the person at the keyboard."""


class UserError(Exception):
    """Say in one sentence what was expected, what was found and what to type next.

    `python -m segan_tl` prints the sentence without a traceback and exits with code 2.
    """
