"""README and the pages of docs/, and what stands in them as code."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def name_of(page: Path) -> str:
    """Return the path of a page inside the repository."""
    return str(page.relative_to(ROOT))


def blocks(page: Path) -> list[str]:
    """Return the blocks of code, without what they are indented by or fenced with."""
    text = page.read_text(encoding="utf-8")
    fenced = re.findall(r"^( *)```\w*\n(.*?)^\1```", text, flags=re.MULTILINE | re.DOTALL)
    indented = re.findall(r"(?:\A|\n\n)((?: {4}(?![-*|] ).*\n(?:\n(?= {4}))*)+)", text)
    return [code for _, code in fenced] + [re.sub(r"^ {4}", "", code, flags=re.MULTILINE) for code in indented]


def spans(page: Path) -> list[str]:
    """Return what stands between backticks, each in one line."""
    text = re.sub(r"^ *```.*?^ *```", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    text = re.sub(r"^ {4}(?![-*|] ).*$", "", text, flags=re.MULTILINE)
    return [" ".join(code.replace("\\|", "|").split()) for code in re.findall(r"`([^`]+)`", text)]


def commands(page: Path) -> list[str]:
    """Return what a page tells to type: lines of blocks, without their comments, and code that begins as they do."""
    lines = [line for block in blocks(page) for line in re.sub(r"\\\n\s*", "", block).splitlines()]
    typed = [re.split(r"\s+#\s", line)[0].strip() for line in lines] + spans(page)
    return sorted({line for line in typed if re.match(r"(python|make|segan-tl) \S", line)})


def all_commands(beginning: str) -> list[str]:
    """Return the commands of all pages that begin as the pattern says, each once."""
    return sorted({line for page in PAGES for line in commands(page) if re.match(beginning, line)})
