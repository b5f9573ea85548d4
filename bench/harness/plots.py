"""Draws bench/plots/*.svg from the runs that bench/RESULTS.md cites: one chart of bars for each entry of PLOTS."""

import json
import statistics
from dataclasses import dataclass
from xml.sax.saxutils import escape

WIDTH, LABEL, BAR, GAP, VALUE = 860, 300, 18, 8, 120
OURS, OTHERS, FLOOR, INK, FAINT = "#1f6fb2", "#b8bec6", "#6b7280", "#1f2328", "#8c959f"


@dataclass(frozen=True)
class Plot:
    """One chart: a metric of one group of a row, as a kept run measured it."""

    name: str
    title: str
    run: str
    row: str
    group: str
    metric: str
    unit: str
    digits: int
    scale: float = 1.0


PLOTS = (
    Plot("ct", "100 CT images of 39 kB sent by storescu: seconds, less is better",
         "2026-11-27-0139", "ct", "storescu", "wall_s", "s", 2),
    Plot("cpu-512k", "Server CPU for each GiB, objects of 512 KiB: seconds, less is better",
         "2026-11-27-0213", "cpu", "512 KiB", "cpu_s_per_gib", "s", 2),
    Plot("cpu-200m", "Server CPU for each GiB, objects of 200 MB: seconds, less is better",
         "2026-11-27-0213", "cpu", "200 MB", "cpu_s_per_gib", "s", 2),
    Plot("small", "Objects of 4 KiB, one after the other: median µs to the answer, less is better",
         "2026-11-27-0213", "small", "4 KiB", "median_us", "µs", 0),
    Plot("peak", "Peak memory while one object of 200 MB comes in: MiB, less is better",
         "2026-11-27-0139", "peak", "200 MB", "peak_bytes", "MiB", 1, 2**20),
    Plot("metadata", "20 MB of nested metadata, 300,000 elements: objects per second, more is better",
         "2026-11-26-0109", "metadata", "", "objects_per_s", "/s", 1),
)


def draw(root):
    """Every chart as {path: SVG text}."""
    return {root / "bench" / "plots" / f"{plot.name}.svg": _svg(plot, _bars(root, plot)) for plot in PLOTS}


def _bars(root, plot):
    """(server, median, lowest, highest) of each server that was measured, in the order of the run."""
    run = json.loads((root / "bench" / "runs" / f"{plot.run}.json").read_text())
    bars = []
    for cell in run["rows"][plot.row]["cells"]:
        values = cell["rounds"].get(plot.metric)
        if values and (not plot.group or cell["group"] == plot.group):
            values = [value / plot.scale for value in values]
            name = cell["name"] if plot.group else f"{cell['group']}, {cell['name']}"
            bars.append((name, statistics.median(values), min(values), max(values)))
    if not bars:
        raise ValueError(f"run {plot.run} has no {plot.metric} of {plot.row}, {plot.group}")
    return bars


def _svg(plot, bars):
    height = 44 + len(bars) * (BAR + GAP) + 22
    longest = max(median for _, median, _, _ in bars)
    to_x = (WIDTH - LABEL - VALUE) / longest
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" '
        f'font-family="sans-serif" font-size="13">',
        f"<title>{escape(plot.title)}</title>",
        f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>',
        f'<text x="10" y="22" font-size="15" font-weight="bold" fill="{INK}">{escape(plot.title)}</text>',
    ]
    for number, (name, median, low, high) in enumerate(bars):
        y = 44 + number * (BAR + GAP)
        middle, end = y + BAR - 5, LABEL + median * to_x
        text = f"{median:,.{plot.digits}f} {plot.unit}"
        label = name.replace("ours", "storescp", 1)
        lines += [
            f'<text x="{LABEL - 8}" y="{middle}" text-anchor="end" fill="{INK}">{escape(label)}</text>',
            f'<rect x="{LABEL}" y="{y}" width="{max(end - LABEL, 1):.1f}" height="{BAR}" fill="{_fill(name)}">'
            f"<title>{low:,.{plot.digits}f} to {high:,.{plot.digits}f} {plot.unit}</title></rect>",
            f'<text x="{end + 6:.1f}" y="{middle}" fill="{INK}">{escape(text)}</text>',
        ]
    lines += [
        f'<text x="10" y="{height - 8}" font-size="11" fill="{FAINT}">medians; run {plot.run}</text>',
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def _fill(name):
    return OURS if name.startswith("ours") else FLOOR if name.startswith("floor") else OTHERS
