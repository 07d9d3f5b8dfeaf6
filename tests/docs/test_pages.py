"""The pages: what is code in them, links that lead somewhere, files that exist, the size of README, the site."""

import importlib.util
import os
import re
import subprocess
import sys

import pytest

from tests.docs.pages import PAGES, ROOT, blocks, commands, name_of, spans

PAGE = """# A page

Text with `python -m segan_tl check
BraTS2021` over two lines, `make demo`, and python that is not typed.

    python train_segan.py --modality flair   # a comment
    python transfer.py --source flair \\
        --target t2

| I have | `python -m segan_tl report segan/flair` |

- a list
    - with a sub-list, `--auc`

```sh
segan-tl configs
```
"""


def anchors(page) -> set[str]:
    """Return the anchors of the headings, as GitHub makes them."""
    heads = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
    plain = [re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", head).lower() for head in heads]
    return {re.sub(r"[^\w\- ]", "", head).strip().replace(" ", "-") for head in plain}


def test_what_is_code_in_a_page(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(PAGE)
    assert commands(page) == [
        "make demo",
        "python -m segan_tl check BraTS2021",
        "python -m segan_tl report segan/flair",
        "python train_segan.py --modality flair",
        "python transfer.py --source flair --target t2",
        "segan-tl configs",
    ]
    assert "--auc" in spans(page) and len(blocks(page)) == 2


def test_readme_fits_on_two_screens():
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 200


def test_readme_leads_to_every_page_and_the_site_has_a_place_for_it():
    readme, site = ((ROOT / name).read_text(encoding="utf-8") for name in ("README.md", "mkdocs.yml"))
    for page in PAGES[1:]:
        name = name_of(page)
        if page.name == "findings.md":  # a part of the page beside it
            continue
        assert name.removeprefix("docs/") in site
        assert f"]({name})" in readme or "/results/" in name


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_lead_somewhere(page):
    for target, anchor in re.findall(r"\]\(([^)\s#]*)(?:#([^)\s]+))?\)", page.read_text(encoding="utf-8")):
        if re.match(r"https?:", target):
            continue
        there = page.parent / target if target else page
        assert there.exists(), f"{target} in {name_of(page)}"
        assert not anchor or anchor in anchors(there), f"{target}#{anchor} in {name_of(page)}"


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_files_that_are_named_exist(page):
    place = re.compile(r"(configs|segan_tl|tests|examples|benchmarks)/[\w/.-]+")
    named = [code for code in spans(page) if place.fullmatch(code)]
    assert [code for code in named if not (ROOT / code).exists()] == []


def test_the_site_is_built_without_a_dead_link(tmp_path):
    if importlib.util.find_spec("material") is None:
        pytest.skip("no mkdocs-material: make docs installs it")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", tmp_path / "site"],
        cwd=ROOT, env=os.environ | {"NO_MKDOCS_2_WARNING": "1"}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    html = [path.read_text(encoding="utf-8") for path in (tmp_path / "site").rglob("*.html")]
    assert not any(re.search(r"^(<p>\||- )", text, flags=re.MULTILINE) for text in html)  # no table or list as text
