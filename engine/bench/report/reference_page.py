"""The page of `bench --lambda`: a heat map for each adapter."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from engine.bench.report.plots import heatmap

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.bench.reference_maps import ReferenceMap

_PAGE: Final = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>References on {{ base }}</title>
<style>body { font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 0 auto; padding: 1rem }
svg { max-width: 100%; height: auto }</style>
</head>
<body>
<h1>What adapters look at, on {{ base }}</h1>
<p>The share of frame 0 in cross-frame attention, by layer and timestep; the frame before has the rest.
Dark is the frame before, light is frame 0; 0.5 is where training starts (MIVA Fig. 6).</p>
{% for plot in plots %}
<section>{{ plot }}</section>
{% endfor %}
</body>
</html>
"""


def reference_page(base: str, maps: Sequence[ReferenceMap]) -> str:
    """The whole page."""
    plots = [
        Markup(  # noqa: S704 - our own SVG
            heatmap(
                one.first,
                [site.replace(".transformer_blocks.0.", " ").replace("attentions.", "") for site in one.sites],
                [f"{timestep:.0f}" for timestep in one.timesteps],
                title=one.adapter if one.learned else f"{one.adapter} (fixed)",
                label="share of frame 0",
            )
        )
        for one in maps
    ]
    return Environment(autoescape=True, undefined=StrictUndefined).from_string(_PAGE).render(base=base, plots=plots)
