"""The plots of a report, as SVG text."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Final

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.text import Text

    from engine.bench.scoring import ClipScores
    from engine.bench.summary import Row

COLOURS: Final = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000", "#999999")
"""Told apart by people who see fewer colours. Source: Okabe and Ito 2008."""
MARKERS: Final = "osD^vPX*<>"
STYLES: Final = ("-", "--", "-.", ":")
WORST, BEST = 0.1, 1.0
"""Where the rings of a radar are; what has no mean is in its middle."""


def radar(rows: Sequence[Row], methods: Sequence[str], *, title: str) -> str:
    """One spoke for each metric with a direction, best method outside, worst in the middle."""
    directed = [row for row in rows if row.facts.direction != "none" and len(row.cells) > 1]
    return svg(radar_figure(directed, methods, title=title), title) if len(directed) >= 3 else ""


def radar_figure(rows: Sequence[Row], methods: Sequence[str], *, title: str) -> Figure:
    """The same of metrics that all have a direction, at least three, as a figure."""
    figure = Figure(figsize=(6.4, 5.2), layout="constrained")
    axes = figure.add_subplot(projection="polar")
    angles = np.linspace(0, 2 * np.pi, len(rows), endpoint=False)
    for place, method in enumerate(methods):
        shares = [_share(row, method) for row in rows]
        closed = [*shares, shares[0]]
        colour, marker, style = _look(place)
        axes.plot([*angles, angles[0]], closed, label=method, color=colour, marker=marker, linestyle=style)
    axes.set_xticks(angles, [row.facts.name for row in rows], fontsize=8)
    for label, angle in zip(axes.get_xticklabels(), angles, strict=True):
        _stand_outside(label, angle)
    axes.set_yticks([WORST, BEST], ["", ""])
    axes.set_ylim(0, 1.05)
    axes.spines["polar"].set_visible(False)
    figure.legend(loc="outside lower center", ncols=4, fontsize=8, frameon=False)
    axes.set_title(f"{title}\nouter ring: the best mean, inner ring: the worst", fontsize=10)
    return figure


def _stand_outside(label: Text, angle: float) -> None:
    """Let a spoke's label begin at its end and go away from the circle; `angle` in radians, 0 is to the right."""
    across, up = np.cos(angle), np.sin(angle)
    label.set_horizontalalignment("center" if abs(across) < 0.1 else "left" if across > 0 else "right")
    label.set_verticalalignment("center" if abs(up) < 0.5 else "bottom" if up > 0 else "top")


def scatter(
    scores: Sequence[ClipScores], methods: Sequence[str], *, across: str, up: str, labels: tuple[str, str]
) -> str:
    """Every clip as a point, every method's mean as a large one."""
    figure = Figure(figsize=(6.4, 4.4), layout="constrained")
    axes = figure.add_subplot()
    for place, method in enumerate(methods):
        points = np.array(
            [(s.values[across], s.values[up]) for s in scores if s.method == method and {across, up} <= s.values.keys()]
        )
        if len(points):
            colour, marker, _ = _look(place)
            mean = points.mean(axis=0)
            axes.scatter(points[:, 0], points[:, 1], s=12, c=colour, marker=marker, alpha=0.35, linewidths=0)
            axes.scatter(mean[0], mean[1], s=110, c=colour, marker=marker, edgecolors="white", label=method)
    axes.set_xlabel(labels[0])
    axes.set_ylabel(labels[1])
    axes.grid(alpha=0.25)
    axes.legend(fontsize=8, frameon=False)
    return svg(figure, f"{labels[1]} against {labels[0]}")


def heatmap(values: np.ndarray, rows: Sequence[str], columns: Sequence[str], *, title: str, label: str) -> str:
    """A table of shares in [0, 1] as colours."""
    figure = Figure(figsize=(7.2, 1.2 + 0.22 * len(rows)), layout="constrained")
    axes = figure.add_subplot()
    shown = axes.imshow(values, vmin=0, vmax=1, aspect="auto", cmap="cividis")
    axes.set_yticks(range(len(rows)), rows, fontsize=6)
    axes.set_xticks(range(len(columns)), columns, fontsize=6, rotation=90)
    axes.set_xlabel("timestep")
    axes.set_title(title, fontsize=10)
    figure.colorbar(shown, label=label)
    return svg(figure, title)


def svg(figure: Figure, alt: str) -> str:
    """The figure as an `svg` element that says what it shows; the same figure gives the same text."""
    out = io.StringIO()
    with mpl.rc_context({"svg.hashsalt": "mivactl", "svg.fonttype": "none"}):
        figure.savefig(out, format="svg", metadata={"Date": None, "Creator": None})
    text = out.getvalue()
    return text[text.index("<svg") :].replace("<svg", f'<svg role="img" aria-label="{_attribute(alt)}"', 1)


def _share(row: Row, method: str) -> float:
    """Where a method lies between the worst and the best mean; 0 without one."""
    if method not in row.cells:
        return 0.0
    means = [cell.mean for cell in row.cells.values()]
    span = max(means) - min(means)
    share = (row.cells[method].mean - min(means)) / span if span else 1.0
    return WORST + (BEST - WORST) * (share if row.facts.direction == "up" else (1 - share if span else 1.0))


def _look(place: int) -> tuple[str, str, str]:
    """Colour, marker and line style of a method: told apart without colours too."""
    return COLOURS[place % len(COLOURS)], MARKERS[place % len(MARKERS)], STYLES[place // 2 % len(STYLES)]


def _attribute(text: str) -> str:
    return text.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;")
