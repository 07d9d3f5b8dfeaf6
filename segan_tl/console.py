"""The terminal: one rich console for standard output, one for errors."""

from rich.console import Console

console = Console(highlight=False)
error_console = Console(stderr=True, highlight=False)
