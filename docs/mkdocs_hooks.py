"""What `make docs` adds to the pages: README as the first one, and what else lies above docs/.

On GitHub a page may link to any file of the repository, `../configs/quickstart.toml` say. The site holds the pages
alone: there such a link becomes the name of the file, or leads to the page that the file has become (PAGES).
"""

import posixpath
import re
from pathlib import Path

from mkdocs.structure.files import File

ROOT = Path(__file__).parents[1]
# Files of the repository that are pages of the site, where they are there: the page, and its title in the navigation.
PAGES = {
    "README.md": ("index.md", None),
    "CONTRIBUTING.md": ("contributing.md", "Contributing"),
    "CHANGELOG.md": ("changelog.md", "Changes"),
}
LINK = re.compile(r"(!?\[[^\]]*(?:\[[^\]]*\])?[^\]]*\])\(([^)\s#]+)(#[^)\s]*)?\)")
OUTSIDE = re.compile(r"[a-z]+:")


def on_config(config):
    """Add the pages to the navigation that come from above docs/."""
    for name, (page, title) in PAGES.items():
        if title and (ROOT / name).is_file():
            config.nav.append({title: page})
    return config


def on_files(files, config):
    """Add the pages themselves."""
    for name, (page, _) in PAGES.items():
        if (ROOT / name).is_file():
            files.append(File.generated(config, page, content=_moved((ROOT / name).read_text(encoding="utf-8"))))
    return files


def on_page_markdown(markdown, page, config, files):
    """Mend the links that lead out of docs/."""
    folder = posixpath.dirname(page.file.src_uri)

    def mend(link):
        text, target, anchor = link[1], link[2], link[3] or ""
        path = posixpath.normpath(posixpath.join("docs", folder, target))
        if OUTSIDE.match(target) or path.startswith("docs/"):
            return link[0]
        if path in PAGES and (ROOT / path).is_file():
            return f"{text}({posixpath.relpath(PAGES[path][0], folder or '.')}{anchor})"
        return text[1:-1]

    return LINK.sub(mend, markdown)


def _moved(markdown: str) -> str:
    """Return a page from above docs/ with its links as they are from inside."""

    def move(link):
        text, target, anchor = link[1], link[2], link[3] or ""
        return link[0] if OUTSIDE.match(target) else f"{text}({posixpath.relpath(target, 'docs')}{anchor})"

    return LINK.sub(move, markdown)
