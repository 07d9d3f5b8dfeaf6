"""Charts as inline SVG: lines over epochs, boxes with their cases. Text inherits the page's font."""

import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from html import escape

import numpy as np

from segan_tl.report.curves import COLOURS

WIDTH, HEIGHT = 520, 260
LEFT, RIGHT, TOP, BOTTOM = 52, 12, 12, 40


def ticks(low: float, high: float, *, count: int = 5) -> list[float]:
    """Return round numbers inside [low, high], about `count` of them."""
    span = high - low
    if not span > 0 or not math.isfinite(span):
        return [low]
    raw = span / count
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(power * factor for factor in (1, 2, 2.5, 5, 10) if power * factor >= raw * 0.999)
    first = math.ceil(low / step - 1e-9)
    return [round(index * step, 12) for index in range(first, math.floor(high / step + 1e-9) + 1)]


def line_chart(
    series: Mapping[str, tuple[Sequence[float], Sequence[float]]],
    *,
    title: str,
    y_range: tuple[float, float] | None = None,
    marks: Sequence[tuple[float, str]] = (),
) -> str:
    """Draw one line a series over epochs; a value that is NaN is passed over.

    Args:
        series: name → (epochs, values).
        title: what the values are.
        y_range: lowest and highest value of the axis; those of the values where None.
        marks: (epoch, label) of vertical lines, one a series at most, in the series' order and colours.

    Returns:
        A <figure>.
    """
    lines = {name: _finite(*pair) for name, pair in series.items()}
    lines = {name: pair for name, pair in lines.items() if pair}
    if not lines:
        return ""
    epochs = [x for pair in lines.values() for x, _ in pair]
    values = [y for pair in lines.values() for _, y in pair]
    low, high = y_range or _padded(min(values), max(values))
    x_of = _scale((min(epochs), max(max(epochs), min(epochs) + 1)), (LEFT, WIDTH - RIGHT))
    y_of = _scale((low, high), (HEIGHT - BOTTOM, TOP))
    parts = [_y_axis(low, high, y_of)]
    for tick in ticks(min(epochs), max(max(epochs), min(epochs) + 1), count=8):
        if tick == int(tick):
            parts.append(f'<text class="tick" x="{x_of(tick):.1f}" y="{HEIGHT - BOTTOM + 16}" text-anchor="middle">'
                         f"{tick:g}</text>")  # fmt: skip
    parts.append(_label((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 6, "epoch"))
    for index, (epoch, label) in enumerate(marks):
        place = x_of(epoch)
        parts.append(f'<line class="mark" x1="{place:.1f}" x2="{place:.1f}" y1="{TOP}" y2="{HEIGHT - BOTTOM}" '
                     f'stroke="{COLOURS[index % len(COLOURS)]}"><title>{escape(label)}</title></line>')  # fmt: skip
    for (name, pair), colour in zip(lines.items(), itertools.cycle(COLOURS)):
        parts += _line(name, [(x_of(x), y_of(min(max(y, low), high)), x, y) for x, y in pair], colour)
    return _figure(parts, title=title, legend=list(lines), remarks=[label for _, label in marks])


def box_chart(
    groups: Mapping[str, Mapping[str, float]], *, title: str, y_range: tuple[float, float] | None = None,
    linked: bool = False,
) -> str:  # fmt: skip
    """Draw one box a group (quartiles, median, whiskers to the last case within 1.5 of their distance), and every case.

    Args:
        groups: label → case → value; NaN is left out.
        title: what the values are.
        y_range: lowest and highest value of the axis; those of the values where None.
        linked: join the dots of one case by a line.

    Returns:
        A <figure>, "" where there is no value.
    """
    found = {
        label: {case: value for case, value in values.items() if math.isfinite(value)}
        for label, values in groups.items()
    }
    every = [value for values in found.values() for value in values.values()]
    if not every:
        return ""
    low, high = y_range or _padded(min(every), max(every))
    y_of = _scale((low, high), (HEIGHT - BOTTOM, TOP))
    step = (WIDTH - LEFT - RIGHT) / len(found)
    centres = [LEFT + step * (index + 0.5) for index in range(len(found))]
    parts = [_y_axis(low, high, y_of)]
    if linked:
        parts += _links(list(found.values()), centres, y_of)
    for index, (centre, (label, values)) in enumerate(zip(centres, found.items())):
        colour = COLOURS[index % len(COLOURS)]
        if values:
            parts.append(_box(list(values.values()), centre, y_of, width=min(step * 0.42, 70), colour=colour))
        for number, (case, value) in enumerate(sorted(values.items())):
            shift = 0 if linked else (number % 5 - 2) * min(step * 0.05, 7)
            parts.append(f'<circle cx="{centre + shift:.1f}" cy="{y_of(value):.1f}" r="3" fill="{colour}" '
                         f'fill-opacity="0.7"><title>{escape(case)}: {value:.3f}</title></circle>')  # fmt: skip
        parts.append(_label(centre, HEIGHT - BOTTOM + 18, label, limit=max(int(step / 6.5), 4)))
    return _figure(parts, title=title, legend=[], remarks=[])


def scatter_chart(points: Mapping[str, tuple[float, float]], *, title: str, x_label: str, y_label: str) -> str:
    """Draw one dot a case on two axes of one scale, and the line where both are equal.

    Args:
        points: case → (x, y).
    """
    pairs = {case: pair for case, pair in points.items() if all(map(math.isfinite, pair))}
    if not pairs:
        return ""
    high = max(max(pair) for pair in pairs.values()) * 1.06 or 1.0
    x_of, y_of = _scale((0, high), (LEFT, WIDTH - RIGHT)), _scale((0, high), (HEIGHT - BOTTOM, TOP))
    parts = [_y_axis(0, high, y_of)]
    parts += [
        f'<text class="tick" x="{x_of(tick):.1f}" y="{HEIGHT - BOTTOM + 16}" text-anchor="middle">{tick:g}</text>'
        for tick in ticks(0, high, count=7)
    ]
    parts.append(f'<line class="link" x1="{LEFT}" y1="{HEIGHT - BOTTOM}" x2="{WIDTH - RIGHT}" y2="{TOP}"/>')
    parts.append(_label((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 6, x_label))
    parts += [
        f'<circle cx="{x_of(x):.1f}" cy="{y_of(y):.1f}" r="3.5" fill="{COLOURS[0]}" fill-opacity="0.75">'
        f"<title>{escape(case)}: {x:.1f}, {y:.1f}</title></circle>"
        for case, (x, y) in sorted(pairs.items())
    ]
    return _figure(parts, title=f"{title}: {y_label}", legend=[], remarks=[])


def share_range(values: Iterable[float]) -> tuple[float, float]:
    """Return the range of an axis for scores between 0 and 1: up to 1, down to a round number below the lowest."""
    lowest = min((value for value in values if math.isfinite(value)), default=0.0)
    return max(math.floor(lowest * 5 - 0.25) / 5, 0.0), 1.0


def _line(name: str, points: list[tuple[float, float, float, float]], colour: str) -> list[str]:
    """Draw one series through (place x, place y, epoch, value), with a dot an epoch where they are few."""
    path = " ".join(f"{left:.1f},{top:.1f}" for left, top, _, _ in points)
    parts = [f'<polyline fill="none" stroke="{colour}" stroke-width="1.8" points="{path}"/>']
    if len(points) <= 40:
        parts += [
            f'<circle cx="{left:.1f}" cy="{top:.1f}" r="2.4" fill="{colour}">'
            f"<title>{escape(name)}, epoch {x:g}: {y:.4g}</title></circle>"
            for left, top, x, y in points
        ]
    return parts


def _box(values: list[float], centre: float, y_of, *, width: float, colour: str) -> str:
    first, median, third = np.percentile(values, (25, 50, 75))
    reach = 1.5 * (third - first)
    lowest = min(value for value in values if value >= first - reach)
    highest = max(value for value in values if value <= third + reach)
    left, right = centre - width / 2, centre + width / 2
    return (
        f'<g stroke="{colour}" fill="none" stroke-width="1.4">'
        f'<line x1="{centre:.1f}" x2="{centre:.1f}" y1="{y_of(lowest):.1f}" y2="{y_of(first):.1f}"/>'
        f'<line x1="{centre:.1f}" x2="{centre:.1f}" y1="{y_of(third):.1f}" y2="{y_of(highest):.1f}"/>'
        f'<rect x="{left:.1f}" width="{width:.1f}" y="{y_of(third):.1f}" '
        f'height="{max(y_of(first) - y_of(third), 0.5):.1f}" fill="{colour}" fill-opacity="0.08"/>'
        f'<line x1="{left:.1f}" x2="{right:.1f}" y1="{y_of(median):.1f}" y2="{y_of(median):.1f}" stroke-width="2.6"/>'
        "</g>"
    )


def _links(groups: list[Mapping[str, float]], centres: list[float], y_of) -> list[str]:
    """Join the dots of each case from group to group."""
    lines = []
    for case in groups[0]:
        points = [(x, y_of(values[case])) for x, values in zip(centres, groups) if case in values]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        lines.append(f'<polyline class="link" points="{path}"><title>{escape(case)}</title></polyline>')
    return lines


def _y_axis(low: float, high: float, y_of) -> str:
    lines = []
    for tick in ticks(low, high):
        y = y_of(tick)
        lines.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
        lines.append(f'<text class="tick" x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{tick:g}</text>')
    return "".join(lines)


def _label(x: float, y: float, text: str, *, limit: int = 80) -> str:
    short = text if len(text) <= limit else text[: limit - 1] + "…"
    return f'<text class="label" x="{x:.1f}" y="{y}" text-anchor="middle">{escape(short)}</text>'


def _figure(parts: list[str], *, title: str, legend: list[str], remarks: list[str]) -> str:
    keys = "".join(
        f'<span><i style="background:{COLOURS[index % len(COLOURS)]}"></i>{escape(name)}</span>'
        for index, name in enumerate(legend)
    )
    keys += "".join(f'<span class="remark">┊ {escape(text)}</span>' for text in remarks)
    return (
        f'<figure class="chart"><figcaption>{escape(title)}</figcaption>'
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(title)}">{"".join(parts)}</svg>'
        + (f'<div class="keys">{keys}</div>' if keys else "")
        + "</figure>"
    )


def _scale(limits: tuple[float, float], place: tuple[float, float]):
    """Return the function that takes limits = [low, high] to place = [start, end]."""
    (low, high), (start, end) = limits, place
    span = (high - low) or 1.0
    return lambda value: start + (value - low) / span * (end - start)


def _finite(epochs: Sequence[float], values: Sequence[float]) -> list[tuple[float, float]]:
    pairs = zip(map(float, epochs), map(float, values))
    return [(x, y) for x, y in pairs if math.isfinite(x) and math.isfinite(y)]


def _padded(low: float, high: float) -> tuple[float, float]:
    margin = 0.06 * (high - low) or max(abs(high), 1.0) * 0.1
    return low - margin, high + margin
