"""The slice viewer of a page: NiiVue, embedded, its controls, and the volumes as JSON."""

import base64
import gzip
import json
from collections.abc import Sequence
from html import escape
from importlib.resources import files

from segan_tl.report.html.pictures import COLOURS, MEANINGS, largest_slice
from segan_tl.report.html.volumes import ShownCase, encode

ASSETS = files("segan_tl.report") / "assets"
LAYERS = {"difference": "difference", "truth": "truth", "prediction": "prediction", "none": "none"}
PLANES = {"axial": "axial", "coronal": "coronal", "sagittal": "sagittal", "three": "all three"}


def read_asset(name: str) -> str:
    """Return a text that is delivered with the package."""
    return (ASSETS / name).read_text(encoding="utf-8")


def viewer_library() -> str:
    """Return NiiVue's build as it is delivered."""
    return read_asset("niivue/niivue.umd.js")


def pack_text(text: str) -> str:
    """Return a text compressed and in base64."""
    return base64.b64encode(gzip.compress(text.encode(), 9, mtime=0)).decode()


def safe_json(value) -> str:
    """Return JSON that may stand inside a <script>: no character of it can end the element."""
    text = json.dumps(value, ensure_ascii=True)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def viewer_data(
    cases: Sequence[ShownCase],
    runs: Sequence[str],
    regions: Sequence[str],
    *,
    scores: dict[str, list[list[float | None]]],
    predicted: Sequence[dict[str, float]] = (),
) -> dict:
    """Return what the viewer's script reads.

    Args:
        scores: case → run → the Dice of every region.
        predicted: of each run case → the Dice that a second look expects; none where nobody asks for it.
    """
    return {
        "runs": list(runs),
        "regions": list(regions),
        "meanings": list(MEANINGS.values()),
        "colours": {name: list(colour) for name, colour in COLOURS.items()},
        "cases": [
            {
                "id": case.id,
                "images": {name: encode(image, case.affine) for name, image in case.images.items()},
                "truth": encode(case.truth, case.affine),
                "predictions": [
                    None if prediction is None else encode(prediction, case.affine) for prediction in case.predictions
                ],
                "problems": case.problems,
                "dice": scores[case.id],
                "predicted": [one.get(case.id) for one in predicted],
                "start": largest_slice(case),
                "first": case.first_slice,
                "factor": case.factor,
                "slices": case.slices,
            }
            for case in cases
        ],
    }


def viewer_section(cases: Sequence[ShownCase], runs: Sequence[str], regions: Sequence[str]) -> str:
    """Return the markup: canvases and controls; the script fills in what depends on the case."""
    options = {
        str(index): case.id + (f" ({case.role})" if case.role else "") for index, case in enumerate(cases)
    }
    panels = "".join(_panel(index, runs) for index in range(min(len(runs), 2)))
    legend = "".join(
        f'<span><i style="background: rgb{colour}"></i>{MEANINGS[name]}</span>' for name, colour in COLOURS.items()
    )
    region = _select("region", "region", {str(i): name.upper() for i, name in enumerate(regions)})
    return f"""<section id="viewer" class="screen-only">
<h2>Slices</h2>
<p id="viewer-message" class="note" role="status"></p>
<noscript><p>The slices, and the sorting of tables, need JavaScript, which is switched off in this browser; the rest of
this page does not.</p></noscript>
<div class="viewer{" two" if len(runs) > 1 else ""}">
<div class="panels">{panels}</div>
<div class="controls">
{_select("case", "case", options)}
{_select("modality", "modality", {})}
{region if len(regions) > 1 else ""}
{_select("layer", "overlay", LAYERS)}
<div class="keys" id="legend">{legend}</div>
{_select("plane", "plane", PLANES)}
{_range("slice", "slice", (0, 0, 0))}
{_range("opacity", "opacity", (0, 100, 60))}
{_range("level", "window level", (0, 255, 110))}
{_range("width", "window width", (1, 255, 220))}
<button type="button" id="reset">reset opacity and window</button>
</div>
</div>
<p class="note"><span class="mouse">Mouse wheel and arrow keys: slices. Left button: go to a place. Right button: window
level (up, down) and width.</span>
<span class="touch">Slider “slice”: move through the slices. Tap: go to a place. A swipe scrolls the page.</span>
The patient’s right is on the left. Window values are those of the embedded 8-bit image.</p>
</section>"""


def _panel(index: int, runs: Sequence[str]) -> str:
    if len(runs) > 2:
        chooser = _select(f"run{index}", "prediction of", dict(zip(map(str, range(len(runs))), runs)))
    else:
        chooser = f"<b>{escape(runs[index])}</b>" if len(runs) == 2 else ""
    return (
        f'<div class="panel"><div class="caption">{chooser}<span id="caption{index}"></span></div>'
        f'<div class="canvas"><canvas id="canvas{index}" tabindex="0"></canvas></div></div>'
    )


def _select(name: str, label: str, options: dict[str, str]) -> str:
    items = "".join(f'<option value="{escape(value)}">{escape(text)}</option>' for value, text in options.items())
    return f'<label class="for-{name}">{escape(label)} <select id="{name}">{items}</select></label>'


def _range(name: str, label: str, limits: tuple[int, int, int]) -> str:
    low, high, value = limits
    return (
        f'<label>{escape(label)} <input type="range" id="{name}" min="{low}" max="{high}" value="{value}">'
        f'<output id="{name}-value">{value}</output></label>'
    )
