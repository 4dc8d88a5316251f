"""The curves of a run as one SVG picture, drawn by matplotlib from the run's log."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from engine.training.evaluation import LOG_MARK

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

BLUE, ORANGE, GREY = "#0072b2", "#d55e00", "#b8b8b8"
POINTS: Final = 400
"""Of a curve; more can not be told apart."""


def curves_svg(log: Path, *, chosen: int) -> str | None:
    """The loss of the steps and of the looks, and the motion of the previews; None where matplotlib is missing.

    Args:
        log: of the run.
        chosen: the step whose weights are kept.
    """
    try:
        from matplotlib import rc_context
        from matplotlib.figure import Figure
    except ImportError:
        return None
    steps, looks = _records(log)
    with rc_context({"svg.fonttype": "none", "svg.hashsalt": "mivactl", "font.size": 9}):
        figure = Figure(figsize=(9, 2.8), layout="constrained")
        losses, motions = figure.subplots(1, 2)
        _draw_losses(losses, steps, looks)
        _draw_motions(motions, looks)
        for axes in (losses, motions):
            axes.axvline(chosen, color=GREY, linestyle=":", label="kept")
            axes.set_xlabel("steps")
            # the best place is searched for, which a busy machine warns of
            axes.legend(frameon=False, loc="upper right")
            axes.spines[["top", "right"]].set_visible(False)
        buffer = io.StringIO()
        figure.savefig(buffer, format="svg", metadata=dict.fromkeys(("Creator", "Date", "Format", "Type")))
    drawn = buffer.getvalue()
    # before it stands the address of a document type, which no page needs
    return drawn[drawn.index("<svg") :]


def _draw_losses(axes: Any, steps: Sequence[Any], looks: Sequence[Any]) -> None:  # noqa: ANN401 - matplotlib has no types
    losses = [(record["step"], record["loss"]) for record in steps if "loss" in record]
    if losses:
        at, values = _thinned(np.array(losses, dtype=float))
        axes.plot(at, values, color=BLUE, linewidth=1, label="training, running mean")
    seen = [(record["step"], record["loss"]) for record in looks if "loss" in record]
    if seen:
        axes.plot(*zip(*seen, strict=True), color=ORANGE, marker="o", label="looks, fixed noise")
    axes.set_title("loss")
    axes.set_yscale("log")


def _draw_motions(axes: Any, looks: Sequence[Any]) -> None:  # noqa: ANN401 - matplotlib has no types
    seen = [(record["step"], record["motion"]) for record in looks if "motion" in record]
    if seen:
        axes.plot(*zip(*seen, strict=True), color=ORANGE, marker="s", label="previews")
    axes.axhline(1.0, color=BLUE, linewidth=1, linestyle="--", label="the clips")
    axes.set_ylim(bottom=0)
    axes.set_title("motion")


def _records(log: Path) -> tuple[list[Any], list[Any]]:
    """Steps and looks of a log."""
    if not log.exists():
        return [], []
    records = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    looks = [record for record in records if LOG_MARK in record]
    return [record for record in records if LOG_MARK not in record], looks


def _thinned(curve: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """At most `POINTS` means of neighbours, from pairs of step and value."""
    parts = np.array_split(curve, min(POINTS, max(1, len(curve) // 5)))
    return np.array([part[-1, 0] for part in parts]), np.array([part[:, 1].mean() for part in parts])
