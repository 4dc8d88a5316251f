"""`report.html`: a training for people, in one file that asks nobody else for anything."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from engine.training.curves import curves_svg
from engine.training.evaluation import DRIFT_AT_MOST, MOTION_AT_LEAST, MOTION_AT_MOST
from engine.training.looks import FOLDER, LookFolder
from engine.training.trainer import LOG_NAME

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine.training.evaluation import Evaluation
    from engine.training.outcome import TrainOutcome
    from registry_schema.names import AdapterName

TEMPLATE: Final = "report.html.j2"


def report_page(outcome: TrainOutcome, facts: Mapping[str, Any], name: AdapterName) -> str:
    """The page.

    Args:
        outcome: of the training.
        facts: see `training_report`.
        name: to publish under.
    """
    pages = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    # matplotlib escapes what it draws; it is given numbers and fixed words only
    curves = curves_svg(outcome.run_dir / LOG_NAME, chosen=outcome.chosen_step)
    return pages.get_template(TEMPLATE).render(
        name=str(name),
        facts=facts,
        motion=outcome.adapter.spec.motion,
        base=outcome.adapter.spec.base.name,
        choice=outcome.choice,
        chosen_step=outcome.chosen_step,
        curves=None if curves is None else Markup(curves),  # noqa: S704
        looks=[_row(look, outcome) for look in outcome.choice.looks] if outcome.choice else [],
        marks={"least": MOTION_AT_LEAST, "most": MOTION_AT_MOST, "drift": DRIFT_AT_MOST},
        recipe=outcome.recipe.to_toml(),
    )


def _row(look: Evaluation, outcome: TrainOutcome) -> dict[str, Any]:
    """A look as the template shows it."""
    against = dict(outcome.choice.rejected) if outcome.choice else {}
    kept = look.step == outcome.chosen_step
    previews = LookFolder(outcome.run_dir / FOLDER).previews(look.step)
    return {
        "seen": look,
        "verdict": "kept" if kept else against[look],
        "kept": kept,
        "previews": [_data_address(path) for path in previews],
    }


def _data_address(picture: Path) -> str:
    """The picture itself as an address."""
    return "data:image/webp;base64," + base64.b64encode(picture.read_bytes()).decode()
