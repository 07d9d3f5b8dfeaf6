"""What `reproduce --help` says of the papers: what to type, what each of them asks, and how long it takes."""

import textwrap

from segan_tl.papers.paper import Paper

RESUME = """\
It goes on where it stopped: during the trainings Ctrl-C or SIGTERM saves and exits with code 75, and the same command
continues; what is finished is not run again. The page is OUT/PAPER.md, beside it one CSV a table, the pictures, and
logs/. Text in OUT/findings.md is included in the page and never changed.
"""


def describe_papers(papers: list[Paper]) -> str:
    """Return examples, then a paragraph a paper."""
    examples = [f"  {_line(*example)}".rstrip() for paper in papers for example in paper.examples]
    return "\n".join(["examples:", *examples, "", *(_paragraph(paper) for paper in papers), RESUME])


def _line(words: str, what: str) -> str:
    return f"{f'python -m segan_tl reproduce {words}':<75} {what}"


def _paragraph(paper: Paper) -> str:
    lines = [f"{paper.name}: {paper.question}"]
    lines += [f"{scale}: {length.trainings} trainings, {length.takes}" for scale, length in paper.lengths.items()]
    first, *others = (textwrap.fill(line, 118, subsequent_indent="    ") for line in lines)
    return "\n".join([first, *(textwrap.indent(line, "  ") for line in others), ""])
