"""The plots of a report: shares and scores with their intervals, as SVG that takes the page's colours."""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes

    from mivactl.study.numbers import MethodRow

_TEXT, _QUIET, _LINE, _ACCENT = "#010101", "#020202", "#030303", "#040404"
"""Stand for colours of the page, which differ in light and dark."""
_PAGE_COLOURS: Final = {
    _TEXT: "var(--text)",
    _QUIET: "var(--quiet)",
    _LINE: "var(--line)",
    _ACCENT: "var(--accent)",
}
_ROW_INCHES, _FRAME_INCHES, _WIDTH_INCHES = 0.36, 0.75, 5.6
_LONGEST_NAME: Final = 28


def share_plot(rows: Sequence[MethodRow], *, chance: float | None) -> str:
    """How often each method was preferred, in percent.

    Args:
        chance: what choosing blindly would give, drawn as a line; None leaves it away.
    """
    values = [100 * (row.share or 0) for row in rows]
    ends = [row.share_interval for row in rows]
    spans = [None if span is None else (100 * span.low, 100 * span.high) for span in ends]
    return _plot(rows, values, spans, label="preferred, %", line=None if chance is None else 100 * chance, start=0.0)


def score_plot(rows: Sequence[MethodRow]) -> str:
    """Bradley-Terry scores around their mean."""
    spans = [None if row.score_interval is None else (row.score_interval.low, row.score_interval.high) for row in rows]
    return _plot(rows, [row.score for row in rows], spans, label="Bradley-Terry score", line=0.0, start=None)


def _plot(
    rows: Sequence[MethodRow],
    values: Sequence[float],
    spans: Sequence[tuple[float, float] | None],
    *,
    label: str,
    line: float | None,
    start: float | None,
) -> str:
    from matplotlib import rc_context
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    with rc_context({"svg.fonttype": "none", "font.family": "sans-serif", "font.size": 10.5, "svg.hashsalt": label}):
        figure = Figure(figsize=(_WIDTH_INCHES, _FRAME_INCHES + _ROW_INCHES * len(rows)), layout="constrained")
        FigureCanvasSVG(figure)
        axes = figure.add_subplot()
        for place, (value, span) in enumerate(zip(values, spans, strict=True)):
            if span is not None:
                axes.plot(span, (place, place), color=_ACCENT, linewidth=2.2, solid_capstyle="round", alpha=0.55)
            axes.plot([value], [place], "o", color=_ACCENT, markersize=7)
        if line is not None:
            axes.axvline(line, color=_QUIET, linewidth=1, linestyle=(0, (4, 4)), zorder=0)
        axes.set_yticks(range(len(rows)), [_short(row.method) for row in rows])
        axes.set_ylim(len(rows) - 0.5, -0.5)
        if start is not None:
            axes.set_xlim(left=start)
        axes.set_xlabel(label, color=_QUIET)
        _quieten(axes)
        drawn = io.BytesIO()
        figure.savefig(drawn, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    return _inline(drawn.getvalue().decode())


def _quieten(axes: Axes) -> None:
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(_LINE)
    axes.tick_params(axis="x", colors=_QUIET, length=0, pad=6)
    axes.tick_params(axis="y", colors=_TEXT, length=0, pad=8)
    axes.grid(axis="x", color=_LINE, linewidth=0.8)
    axes.set_axisbelow(True)


def _short(name: str) -> str:
    # A dollar sign would start a formula.
    name = name.replace("$", r"\$")
    return name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 1]}…"


def _inline(document: str) -> str:
    """The `svg` element alone, in the page's own colours and fonts."""
    element = document[document.index("<svg") :]
    element = re.sub(r"<metadata>.*?</metadata>", "", element, flags=re.DOTALL)
    element = re.sub(r"font: ?([^;\"']*?)px[^;\"']*", r"font-size: \1px", element)
    for stand_in, colour in _PAGE_COLOURS.items():
        element = element.replace(stand_in, colour)
    return element
