"""Whether an adapter fits a base, proved by fingerprints before anything is loaded; pure."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from registry_schema.digests import Digest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from registry_schema.adapter_spec import AdapterSpec
    from registry_schema.base_spec import BaseIdentity, BaseSpec

_SAMPLING_ONLY = {"steps_offset", "spacing", "shift"}


@dataclass(frozen=True)
class Accepted:
    """It fits: `exact` on the weights it was trained on, `fits` on others of the same architecture.

    `note` is a line to print, empty when there is nothing to say.
    """

    level: Literal["exact", "fits"]
    note: str = ""


@dataclass(frozen=True)
class Rejected:
    """It does not fit: why, and the way out."""

    reason: str
    hint: str


Fit = Accepted | Rejected


def fingerprint(names_and_shapes: Mapping[str, tuple[int, ...]]) -> Digest:
    """Digest of an architecture.

    Args:
        names_and_shapes: every parameter and persistent buffer of a base's denoiser. Types and values are left out,
            so all fine-tunes of one architecture share a fingerprint.

    The digest is over one JSON line `["name",2,3]` per tensor, sorted by bytes.
    """
    rows = (json.dumps([name, *shape], separators=(",", ":")) for name, shape in names_and_shapes.items())
    lines = sorted(row.encode() for row in rows)
    return Digest.of(b"\n".join(lines))


def check_identity(trained_on: BaseIdentity, base: BaseSpec) -> Fit:
    """What an index line alone can tell: architecture and weights."""
    if trained_on.architecture != base.architecture:
        reason = (
            f"trained on base `{trained_on.name}` with architecture `{_short(trained_on.architecture)}`, "
            f"base `{base.name}` has `{_short(base.architecture)}`"
        )
        return Rejected(reason, hint=f"use `--base {trained_on.name}`, or look for a build for `{base.name}`")
    if trained_on.weights == base.weights:
        return Accepted("exact")
    change = f"trained on the weights `{_short(trained_on.weights)}` of `{trained_on.name}`"
    if base.exact_only:
        reason = f"{change}, base `{base.name}` has `{_short(base.weights)}` and takes its own only"
        return Rejected(reason, hint=f"train it again on this `{base.name}`, or install a newer build")
    return Accepted("fits", note=f"{change}, base `{base.name}` has `{_short(base.weights)}`: motion may differ")


def check_fit(adapter: AdapterSpec, base: BaseSpec) -> Fit:
    """Whether `adapter` runs on `base`, from their data alone.

    The fingerprint decides about shapes; what changes meaning at equal shapes (schedule, positions) is compared here.
    """
    fit = check_identity(adapter.base, base)
    if isinstance(fit, Rejected):
        return fit
    rejected = _check_schedule(adapter, base) or _check_parts(adapter, base) or _check_clip(adapter, base)
    return rejected or Accepted(fit.level, joined_notes(fit.note, _envelope_note(adapter, base)))


def joined_notes(*notes: str) -> str:
    """Several notes as one line; empty ones are left out."""
    return "; ".join(filter(None, notes))


def differences(first: AdapterSpec, second: AdapterSpec) -> tuple[str, ...]:
    """Where two specs differ, ``cross_frame_attention.combine: `separate` -> `joint` ``; empty when they are equal."""
    before, after = _leaves(first.plain()), _leaves(second.plain())
    places = sorted(before.keys() | after.keys())
    changed = (place for place in places if before.get(place) != after.get(place))
    return tuple(f"{place}: `{before.get(place, 'absent')}` -> `{after.get(place, 'absent')}`" for place in changed)


def _check_schedule(adapter: AdapterSpec, base: BaseSpec) -> Rejected | None:
    trained = adapter.noise_schedule.model_dump(exclude=_SAMPLING_ONLY)
    runs = base.noise_schedule.model_dump(exclude=_SAMPLING_ONLY)
    field = next((name for name in trained if trained[name] != runs.get(name)), None)
    if field is None:
        return _check_motion_norm(adapter, base)
    reason = (
        f"trained with noise_schedule.{field} `{trained[field]}`, base `{base.name}` runs `{runs.get(field, 'none')}`"
    )
    return Rejected(reason, hint=f"train it again on `{base.name}`, or use a base with the same schedule")


def _check_motion_norm(adapter: AdapterSpec, base: BaseSpec) -> Rejected | None:
    if adapter.motion_norm == base.motion_norm:
        return None
    trained, runs = adapter.motion_norm or "clip", base.motion_norm or "clip"
    reason = f"trained with motion_norm `{trained}`, base `{base.name}` runs `{runs}`"
    return Rejected(reason, hint=f"train it again on `{base.name}`, or use a base with the same switch")


def _check_parts(adapter: AdapterSpec, base: BaseSpec) -> Rejected | None:
    if base.family == "wan" and adapter.temporal_lora:
        return Rejected(f"temporal_lora needs temporal attention, base `{base.name}` has none", hint="use another base")
    attention = adapter.cross_frame_attention
    if base.family == "unet_motion" and attention and attention.rotary:
        return Rejected(
            f"cross_frame_attention.rotary needs rotary positions, base `{base.name}` has none", hint="use another base"
        )
    return None


def _check_clip(adapter: AdapterSpec, base: BaseSpec) -> Rejected | None:
    """What the base can not make at all: clips past its longest, and sizes its layers do not divide."""
    clip, multiple = adapter.clip, base.size_multiple
    if clip.height % multiple or clip.width % multiple:
        width, height = (max(multiple, round(pixels / multiple) * multiple) for pixels in (clip.width, clip.height))
        return Rejected(
            f"trained on clips of {clip.width}x{clip.height} pixels, base `{base.name}` takes multiples of {multiple}",
            hint=f"train it again at a size that {multiple} divides, the nearest is {width}x{height}",
        )
    if clip.frames > base.frames.max:
        nearest = base.frames.nearest(clip.frames)
        return Rejected(f"trained on clips of {clip.frames} frames, base `{base.name}` takes for example {nearest}",
                        hint=f"train it again with `--frames {nearest}`")  # fmt: skip
    return None


def _envelope_note(adapter: AdapterSpec, base: BaseSpec) -> str:
    """What a person should know of a trained length that the base does not make, but comes near to."""
    frames = adapter.clip.frames
    if base.frames.allows(frames):
        return ""
    return f"trained on clips of {frames} frames, the nearest that base `{base.name}` makes is " + str(
        base.frames.nearest(frames)
    )


def _leaves(value: object, place: str = "") -> dict[str, object]:
    if not isinstance(value, dict):
        return {place: value}
    leaves: dict[str, object] = {}
    for key, part in value.items():
        leaves |= _leaves(part, f"{place}.{key}" if place else key)
    return leaves


def _short(digest: Digest) -> str:
    return digest.hex[:12]
