"""report.html in a headless Chromium: it loads from a file, asks nothing of a network, and its controls work."""

import io
import os
import shutil

import numpy as np
import pytest

from segan_tl.report.html.page import write_report
from tests.report.pages import CASES, write_cohort, write_run

CHROMIUM = os.environ.get("SEGAN_TL_CHROMIUM") or next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
# WebGL 2 without a graphics card, and nothing that Chromium does in the background.
ARGUMENTS = [
    "--no-sandbox", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--use-angle=swiftshader", "--enable-unsafe-swiftshader",
]  # fmt: skip


@pytest.fixture(scope="module")
def browser():
    """A headless Chromium; skip where it or playwright is absent."""
    playwright = pytest.importorskip("playwright.sync_api", reason="pip install segan_tl[browser]")
    if CHROMIUM is None:
        pytest.skip("no chromium in PATH; install it, or name it in SEGAN_TL_CHROMIUM")
    with playwright.sync_playwright() as running:
        started = running.chromium.launch(executable_path=CHROMIUM, headless=True, args=ARGUMENTS)
        yield started
        started.close()


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """The page of one run, and of two."""
    root = tmp_path_factory.mktemp("pages")
    cohort = write_cohort(root / "cohort")
    runs = [
        write_run(root / "runs" / "small" / name, cohort, shift=shift, regions=("wt", "tc"))
        for name, shift in (("flair", 1), ("flair-moved", 3))
    ]
    write_report(runs[:1], root / "one.html")
    write_report(runs, root / "two.html")
    shutil.rmtree(runs[1].predictions)
    write_report(runs[1:], root / "lacking.html")
    return root


class Page:
    """A page that is open, with what it complained of and asked for."""

    def __init__(self, browser, file, *, width=1280):
        self.complaints, self.requests = [], []
        self.tab = browser.new_page(viewport={"width": width, "height": 900})
        self.tab.on("console", lambda message: self.complaints.append(message.text))
        self.tab.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.tab.on("request", lambda request: self.requests.append(request.url))
        self.tab.goto(file.as_uri())
        self.tab.wait_for_selector("#viewer[data-ready=true]", timeout=60_000)

    def picture(self, name="canvas0"):
        """Return what a canvas shows, (H, W, 3) in [0, 1]."""
        from matplotlib.image import imread

        self.tab.wait_for_timeout(120)
        return imread(io.BytesIO(self.tab.locator(f"#{name}").screenshot()), format="png")[..., :3]

    def choose(self, name, value):
        """Choose an option and wait until the canvases are drawn."""
        self.tab.select_option(f"#{name}", value)

    def slide(self, name, value):
        """Move a slider."""
        self.tab.evaluate(
            "([name, value]) => { const slider = document.getElementById(name); slider.value = value;"
            " slider.dispatchEvent(new Event('input')); }", [name, value],
        )  # fmt: skip

    def column(self, number):
        """Return a column of the table of cases as it stands."""
        return self.tab.locator(f"table.sortable tbody td:nth-child({number})").all_inner_texts()


@pytest.fixture(scope="module")
def one(browser, files):
    return Page(browser, files / "one.html")


def moved(before, after) -> float:
    """Return how much two pictures differ."""
    return float(np.abs(before - after).mean())


def coloured(picture) -> int:
    """Return how many pixels are not grey."""
    return int((picture.max(axis=-1) - picture.min(axis=-1) > 0.08).sum())


def test_loads_from_a_file_without_complaint_or_request(one, files):
    assert one.complaints == []
    assert [url for url in one.requests if not url.startswith(("data:", "blob:"))] == [(files / "one.html").as_uri()]
    assert coloured(one.picture()) > 500


def test_table_sorts(one):
    heading = one.tab.locator("table.sortable th button").nth(2)
    heading.click()
    down = [float(text) for text in one.column(3)]
    heading.click()
    up = [float(text) for text in one.column(3)]
    assert down == sorted(down, reverse=True) and up == sorted(up) and len(set(up)) > 2
    one.tab.locator("table.sortable th button").first.click()
    assert one.column(1) == sorted(one.column(1), reverse=True)


def test_table_shows_one_region(one):
    rows = one.tab.locator("table.sortable tbody tr:visible")
    assert rows.count() == len(CASES)
    assert one.tab.evaluate("document.querySelector('table.sortable').parentElement.scrollWidth") <= 1180
    one.choose("case-region", "")
    assert rows.count() == 2 * len(CASES)
    one.choose("case-region", "tc")
    assert rows.count() == len(CASES) and {row.get_attribute("data-region") for row in rows.all()} == {"tc"}
    one.choose("case-region", "wt")


def test_slices_scroll(one):
    before, number = one.picture(), one.tab.inner_text("#slice-value")
    one.slide("slice", 2)
    assert one.tab.inner_text("#slice-value") != number and moved(before, one.picture()) > 0.005
    one.tab.locator("#canvas0").hover()
    number = one.tab.inner_text("#slice-value")
    one.tab.mouse.wheel(0, -100)
    one.tab.wait_for_timeout(200)
    assert one.tab.inner_text("#slice-value") != number
    assert one.complaints == []


def test_overlays_switch_and_opacity_counts(one):
    one.choose("case", "0")
    one.tab.wait_for_timeout(500)
    shown = {}
    for layer in ("difference", "truth", "prediction", "none"):
        one.choose("layer", layer)
        shown[layer] = one.picture()
    assert coloured(shown["none"]) == 0 and min(coloured(shown[name]) for name in shown if name != "none") > 500
    assert moved(shown["truth"], shown["prediction"]) > 0.005 and moved(shown["difference"], shown["truth"]) > 0.005
    one.choose("layer", "difference")
    one.slide("opacity", 100)
    strong = one.picture()
    one.slide("opacity", 20)
    assert moved(strong, one.picture()) > 0.005
    one.slide("opacity", 0)
    assert coloured(one.picture()) == 0
    one.tab.click("#reset")
    assert coloured(one.picture()) > 500
    before = one.picture()
    one.choose("region", "1")
    assert moved(before, one.picture()) > 0.002
    assert one.complaints == []


def test_window_case_modality_and_plane_switch(one):
    one.choose("layer", "none")
    before = one.picture()
    one.slide("width", 40)
    narrow = one.picture()
    assert moved(before, narrow) > 0.005
    one.tab.click("#reset")
    assert moved(before, one.picture()) < 0.002
    one.choose("modality", "t1")
    one.tab.wait_for_timeout(500)
    assert moved(before, one.picture()) > 0.005  # the tumour shines in FLAIR, not in T1
    one.choose("modality", "flair")
    one.tab.wait_for_timeout(500)
    one.choose("case", "3")
    one.tab.wait_for_timeout(500)
    assert moved(before, one.picture()) > 0.005
    for plane in ("coronal", "sagittal", "three"):
        before = one.picture()
        one.choose("plane", plane)
        assert moved(before, one.picture()) > 0.005, plane
    one.choose("plane", "axial")
    one.tab.locator("button.case:visible", has_text=CASES[0]).first.click()
    one.tab.wait_for_timeout(500)
    assert one.tab.locator("#case option:checked").inner_text().startswith(CASES[0])
    assert one.complaints == []


def test_two_runs_side_by_side(browser, files):
    page = Page(browser, files / "two.html")
    left, right = page.picture("canvas0"), page.picture("canvas1")
    assert min(coloured(left), coloured(right)) > 500 and moved(left, right) > 0.002
    page.slide("slice", 1)
    assert moved(left, page.picture("canvas0")) > 0.002 and moved(right, page.picture("canvas1")) > 0.002
    assert page.complaints == []


def test_without_predictions_the_truth_is_not_called_missed(browser, files):
    page = Page(browser, files / "lacking.html")
    assert page.tab.locator(".banner").inner_text().startswith("Predictions of small/flair-moved are missing")
    assert page.tab.inner_text("#caption0") == "prediction missing: truth only"
    assert page.tab.locator("#legend span:visible").all_inner_texts() == ["truth"]
    purple = page.picture()
    assert (purple[..., 0] > purple[..., 1] + 0.08).sum() > 500  # green, orange and blue have more green
    page.choose("layer", "truth")
    assert moved(purple, page.picture()) < 0.001
    assert page.complaints == []


def test_narrow_window_needs_no_sideways_scrolling(browser, files):
    for name in ("one.html", "two.html"):
        page = Page(browser, files / name, width=390)
        assert page.tab.evaluate("document.documentElement.scrollWidth") <= 390


def test_a_phone_scrolls_past_the_canvas(browser, files):
    context = browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    tab = context.new_page()
    tab.goto((files / "two.html").as_uri())
    tab.wait_for_selector("#viewer[data-ready=true]", timeout=60_000)
    assert "Slider “slice”" in tab.locator("#viewer .note").last.inner_text()
    assert "wheel" not in tab.locator("#viewer .note").last.inner_text()
    canvas = tab.locator("#canvas0")
    canvas.scroll_into_view_if_needed()
    box, before = canvas.bounding_box(), tab.evaluate("scrollY")
    assert box["height"] <= 300
    devices = context.new_cdp_session(tab)
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    for step in range(15):
        kind = "touchMove" if step else "touchStart"
        devices.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": x, "y": y + 12 * step}]})
        tab.wait_for_timeout(16)
    devices.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    tab.wait_for_function(f"scrollY < {before - 60}")
    context.close()


def test_planes_go_through_the_lesion(one):
    one.choose("case", "0")
    one.tab.wait_for_timeout(500)
    one.choose("layer", "truth")
    one.slide("opacity", 100)
    for plane in ("coronal", "sagittal", "axial"):
        one.slide("slice", 0)
        one.choose("plane", plane)
        assert coloured(one.picture()) > 500, plane
    one.choose("layer", "difference")
    one.tab.click("#reset")
    assert one.complaints == []


def test_without_javascript_or_webgl_nothing_dead_is_shown(browser, files):
    context = browser.new_context(java_script_enabled=False)
    tab = context.new_page()
    tab.goto((files / "one.html").as_uri())
    assert "JavaScript" in tab.content() and not tab.locator("#layer").is_visible()
    context.close()
    tab = browser.new_page()
    tab.add_init_script("HTMLCanvasElement.prototype.getContext = () => null")
    tab.goto((files / "one.html").as_uri())
    tab.wait_for_selector("#viewer[data-ready=failed]", state="attached")
    assert "no WebGL 2" in tab.inner_text("#viewer-message") and not tab.locator("#layer").is_visible()
    tab.close()
