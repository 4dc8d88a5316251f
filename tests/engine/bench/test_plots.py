"""The plots of a report: what they say can be read."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from matplotlib.text import Text

from engine.bench.report.plots import radar, radar_figure
from engine.bench.summary import Cell, Row
from engine.metrics.catalog import all_metrics

METHODS = (
    "miva",
    "base",
    "still",
    "zoom",
    "real",
    "dynamicrafter",
    "miva-no-adain",
    "miva-joint-softmax",
    "mine",
    "pia",
)


def rows(count: int) -> list[Row]:
    """Rows of the metrics that need no weights, over and over, with means drawn by a seed."""
    facts = [metric.facts for metric in all_metrics(None).present if metric.facts.direction != "none"]
    means = np.random.default_rng(count).uniform(size=(count, len(METHODS)))
    return [
        Row(
            facts[place % len(facts)],
            {name: Cell(mean, mean, mean, count=3) for name, mean in zip(METHODS, line, strict=True)},
        )
        for place, line in enumerate(means)
    ]


@pytest.mark.parametrize("count", [3, 5, 7, 9, 12])
def test_no_words_of_a_radar_lie_over_others_or_over_the_chart(count):
    figure = radar_figure(rows(count), METHODS, title="starter: without a model")
    figure.draw_without_rendering()
    texts = [text for text in figure.findobj(Text) if text.get_visible() and text.get_text()]
    places = {text: text.get_window_extent() for text in texts}
    over = [
        (one.get_text(), other.get_text())
        for one, other in combinations(texts, 2)
        if places[one].overlaps(places[other])
    ]
    assert not over
    assert all(
        figure.bbox.padded(1).contains(*corner) for place in places.values() for corner in (place.min, place.max)
    )
    (axes,) = figure.axes
    circle = axes.get_window_extent()
    centre, radius = (circle.min + circle.max) / 2, circle.width / 2
    for label in axes.get_xticklabels():
        nearest = np.clip(centre, places[label].min, places[label].max)
        assert np.linalg.norm(nearest - centre) > radius


def test_two_metrics_make_no_radar():
    assert radar(rows(2), METHODS, title="starter") == ""
    assert radar(rows(3), METHODS, title="starter").count("<svg") == 1
