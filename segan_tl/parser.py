"""How a command line is read, and how mistakes in it are answered: one sentence, with the option that was meant."""

import argparse

from segan_tl.errors import nearest


class Parser(argparse.ArgumentParser):
    """Keeps the lines of description and examples as they are; says one sentence where argparse shows the usage."""

    def __init__(self, **words):
        super().__init__(formatter_class=argparse.RawDescriptionHelpFormatter, **words)

    def error(self, message):
        self.exit(2, f"error: {message}; {self.prog} --help shows examples\n")

    def parse_intermixed_args(self, args=None, namespace=None):
        namespace, unknown = self.parse_known_intermixed_args(args, namespace)
        if unknown:
            near = nearest(unknown[0].partition("=")[0], self._option_string_actions)
            hint = f"did you mean {near}?" if near and unknown[0].startswith("-") else "is an option missing before it?"
            self.error(f"there is no argument {unknown[0]} ({hint})")
        return namespace


class Once(argparse.Action):
    """An option with two names: given twice, one of them would be forgotten without a word."""

    def __call__(self, parser, namespace, values, option_string=None):
        if getattr(namespace, self.dest) is not None:
            parser.error(f"{' and '.join(self.option_strings)} are two names of one option; give one of them, once")
        setattr(namespace, self.dest, values)
