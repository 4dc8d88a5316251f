"""The model card of a draft: a `README.md` for people and for the Hugging Face Hub, to be edited before publishing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from huggingface_hub import ModelCardData
from jinja2 import Environment, StrictUndefined

if TYPE_CHECKING:
    from engine.training.outcome import TrainOutcome
    from registry_schema.base_spec import BaseSpec
    from registry_schema.names import AdapterName

TEMPLATE: Final = """\
---
{{ front_matter }}
---

# {{ title }}

A motion adapter for `{{ spec.base.name }}`: {{ spec.motion }}. Trained with [mivactl](https://pypi.org/project/mivactl/).

## Use

    mivactl animate photo.jpg --use {{ name }}

{% if spec.region == "whole" -%}
It moves the whole picture, whatever is in it.
{%- elif spec.subjects -%}
It looks for: {{ spec.subjects | join(", ") }}. The rest of the photo is meant to stay as it is.
{%- else -%}
The rest of the photo is meant to stay as it is.
{%- endif %}

## How it was trained

{# kept short for the eye; Markdown joins the lines -#}
On {{ clips }} clips{% if held_out %}, with {{ held_out }} more held out to look at it with{% endif %},
for {{ steps }} steps, seed {{ seed }}; these are the weights after step {{ chosen }}. Footage: {{ footage }}.
Every choice is in `recipe.toml`.

## What it cannot do

Say here which photos it does not move well: it has seen {{ clips }} clips and nothing else.
"""


def model_card(outcome: TrainOutcome, base: BaseSpec, name: AdapterName, *, footage: str) -> str:
    """The text of the card.

    Args:
        outcome: of the training.
        base: it was trained on.
        name: to publish under.
        footage: in words, whose clips these are.
    """
    # Markdown is no HTML, and what shows a card escapes it
    page = Environment(undefined=StrictUndefined, autoescape=False).from_string(TEMPLATE)  # noqa: S701
    title = name.name.replace("-", " ").capitalize()
    return (
        page.render(
            front_matter=_front_matter(title, base, name),
            title=title,
            name=str(name),
            spec=outcome.adapter.spec,
            clips=len(outcome.dataset.clips),
            held_out=len(outcome.held_out.clips) if outcome.held_out else 0,
            steps=outcome.steps,
            chosen=outcome.chosen_step,
            seed=outcome.recipe.run.seed,
            footage=footage,
        )
        + "\n"
    )


def _front_matter(title: str, base: BaseSpec, name: AdapterName) -> str:
    data = ModelCardData(
        library_name="mivactl",
        pipeline_tag="image-to-video",
        base_model=str(base.name),
        base_model_relation="adapter",
        license=base.licence.lower(),
        tags=["miva", "motion-adapter", name.name],
        widget=[{"text": title, "output": {"url": "preview.webp"}}],
    )
    return data.to_yaml()
