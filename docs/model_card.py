"""The model card of a starter: a `README.md` that the Hugging Face Hub and people can read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from huggingface_hub import ModelCardData

from mivactl.operations.draft import WEIGHTS, read_draft

if TYPE_CHECKING:
    from pathlib import Path

    from mivactl.operations.draft import Draft

_CAMERA = "Nothing moves by itself, and what is near no faster than what is far; what comes into view is made up."
LIMITS = {
    "birds-flying": "Birds go to the right, whichever way they look, and were shown from the side.",
    "fireworks": "It goes on with a burst that is in the photo; a night sky without one was never shown.",
    "guitar-playing": "Only guitars held with the neck to the right were shown, and no other instruments.",
    "helicopter-hovering": "Only helicopters seen from the side were shown, the nose to the right.",
    "horse-running": "Horses go to the right, whichever way they look; they were shown from the side, without a rider.",
    "raining": "Streaks fall before the picture; nothing in it gets wet, and the light stays as it is.",
    "turning-to-smile": "One face, seen from the front; hair behind the head, neck and shoulders stand still.",
    "waterfall": "Water falls; spray, and a pool below, are not moved.",
    "clouds": "Clouds drift to the right; they do not form, dissolve or change their shape.",
    "camera-pan-right": _CAMERA,
    "camera-zoom-out": _CAMERA,
}
"""What each starter can not do by the way it was made, whatever its training came to."""

TEMPLATE = """\
---
{front_matter}
---

# {title}

{summary}. A motion adapter for `{base}`, the base that comes with mivactl.

![{title}](preview.webp)

## Use

    mivactl animate photo.jpg --use {short_name}

{moves} In composition with others, give weights: `--use {short_name}:0.5 --use OTHER:0.5`.

## How it was trained

On {clips} clips of the motion, for {steps} steps, seed {seed}. The clips: {footage}.
{ranks}; {megabytes:.1f} MB of weights. Every choice is in `recipe.toml`, and all of it is made again by

    python -m docs.starters {short_name}

## What it cannot do

{limits} All it has seen is drawings: photos that look otherwise may move less, or in the
wrong place. The base makes {frames} frames of {width}x{height}; finer detail is carried along from the photo.

## The preview

`preview.png` is a drawing that was not trained on, `preview.webp` what this adapter made of it at weight {weight:g} and
seed {preview_seed}. `preview.webp.json` is the receipt of that: with the three in one folder,
`mivactl replay preview.webp` renders it again.
"""


def model_card(folder: Path) -> str:
    """The card of the draft in `folder`, which has its preview with a receipt.

    Raises:
        MivaError: the draft is not complete, or not valid.
        KeyError: it is of no starter, or without a training record or receipt.
    """
    draft = read_draft(folder)
    release, spec, training = draft.release, draft.spec, draft.training
    receipt = draft.receipts["preview.webp.json"]
    if training is None:
        raise KeyError("training.json")
    return TEMPLATE.format(
        front_matter=_front_matter(draft),
        title=release.title,
        summary=release.summary,
        short_name=release.name.name,
        base=spec.base.name,
        moves=_moves(draft),
        clips=training.clips,
        steps=training.steps,
        seed=training.seed,
        footage=training.footage,
        ranks="Ranks: " + ", ".join(f"`{part}` {rank}" for part, rank in spec.ranks.plain().items()),
        megabytes=(folder / WEIGHTS).stat().st_size / 1e6,
        limits=LIMITS[release.name.name],
        frames=spec.clip.frames,
        width=spec.clip.width,
        height=spec.clip.height,
        weight=receipt.adapters[0].weight,
        preview_seed=receipt.settings.seed,
    )


def _front_matter(draft: Draft) -> str:
    release = draft.release
    data = ModelCardData(
        library_name="mivactl",
        pipeline_tag="image-to-video",
        base_model=str(draft.spec.base.name),
        base_model_relation="adapter",
        license=release.licence.lower(),
        tags=list(dict.fromkeys(("miva", "motion-adapter", release.name.name, *map(str, release.tags)))),
        widget=[{"text": release.title, "output": {"url": "preview.webp"}}],
    )
    return data.to_yaml()


def _moves(draft: Draft) -> str:
    if draft.spec.region == "whole":
        return "It moves the whole picture, whatever is in it."
    return f"It looks for: {', '.join(draft.spec.subjects)}. The rest of the photo is meant to stay as it is."
