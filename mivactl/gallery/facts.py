"""What an adapter's manifest says of it, as a list of terms."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mivactl.byte_sizes import size
from mivactl.gallery.elements import element

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mivactl.gallery.elements import Element
    from mivactl.gallery.shown_adapter import Build, ShownAdapter
    from registry_schema.manifest import Manifest

_REGIONS: Final = {"subject": "what it looks for", "whole": "the whole picture"}


def facts(adapter: ShownAdapter) -> Element:
    """The facts about an adapter, those of the build that speaks for it where builds differ."""
    rows = [*_about(adapter), *_trained(adapter.lead.manifest), *_made(adapter.lead)]
    terms = (element("div", element("dt", term), element("dd", value)) for term, value in rows if value)
    return element(
        "section",
        element("h2", "Facts", id="facts"),
        element("dl", *terms),
        aria_labelledby="facts",
        class_="facts-section",
    )


def _about(adapter: ShownAdapter) -> Iterator[tuple[str, str]]:
    manifest, line = adapter.lead.manifest, adapter.lead.line
    yield "Licence", str(line.licence)
    yield "Bases", ", ".join(adapter.bases)
    yield "Versions", ", ".join(adapter.versions[:12])
    yield "Motion", line.motion
    yield "Moves", _REGIONS[line.region]
    yield "Looks for", ", ".join(manifest.adapter.subjects)
    yield "Mask", "takes a mask" if line.masked else ""
    yield "Tags", ", ".join(manifest.tags)
    yield "Authors", ", ".join(manifest.authors)
    yield "Needs mivactl", str(line.requires)


def _trained(manifest: Manifest) -> Iterator[tuple[str, str]]:
    clip, training = manifest.adapter.clip, manifest.training
    yield "Trained at", f"{clip.frames} frames of {clip.width} x {clip.height}, {clip.fps} a second"
    if training is not None:
        yield "Trained on", f"{training.clips:,} clip{'' if training.clips == 1 else 's'}, {training.steps:,} steps"
        yield "Footage", training.footage
        yield "Trained with", training.tool


def _made(build: Build) -> Iterator[tuple[str, str]]:
    ranks = build.manifest.adapter.ranks.plain()
    yield "Parts", ", ".join(f"{part.replace('_', ' ')} (rank {rank})" for part, rank in ranks.items())
    yield "Weights", f"{size(build.line.weights.size)}, {build.manifest.tensors.count:,} tensors"
    yield "Published", build.line.published[:10]
