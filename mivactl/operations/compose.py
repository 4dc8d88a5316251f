"""Write a preset: exact builds and weights; say where its adapters conflict, and show it at several weights."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from statistics import fmean
from typing import TYPE_CHECKING, Final

from mivactl.disk import disk_errors, write_durably
from mivactl.engine_bridge import (
    CompareRequest,
    RunChoices,
    SilentProgress,
    StudioRequest,
    compare,
    load_studio,
    settle,
)
from mivactl.operations.clip_outputs import check_outputs
from mivactl.operations.composition import Wanted, install_composed
from mivactl.operations.masking import preset_masking
from registry_schema.errors import Busy, UsageProblem
from registry_schema.preset import Preset, PresetAdapter

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from mivactl.engine_bridge import CompareResult, Progress, SiteCosine
    from mivactl.operations.composition import Composed
    from mivactl.operations.masking import Masking
    from mivactl.session import Session
    from registry_schema.names import AdapterName

CONFLICT: Final = -0.1
"""A cosine below this is a conflict, if neither adapter is quiet there."""
LOUD: Final = 0.2
"""An update of less than this share of the other's is quiet: it can not be in the way."""
_GRID_WEIGHTS: Final = (0.0, 0.25, 0.5, 0.75, 1.0)


@dataclass(frozen=True, kw_only=True)
class ComposeOptions:
    """What is composed, and where the preset goes.

    Attributes:
        wanted: adapters with weights.
        output: the preset file.
        masked: take masked builds of the adapters that have one.
        masks: files with the subject of masked adapters in the photo; others are looked for in it.
        photo: to show the composition on, as a grid of clips beside the preset.
        choices: for the grid.
        force: replace files that are there.
        compiled: compile the base for the grid.
    """

    wanted: Wanted
    output: Path
    masked: bool = False
    masks: Mapping[AdapterName, Path] = field(default_factory=dict)
    photo: Path | None = None
    choices: RunChoices = field(default_factory=RunChoices)
    force: bool = False
    compiled: bool = False


@dataclass(frozen=True)
class KindSummary:
    """Two adapters at all sites of one kind: mean and lowest cosine, and at how many sites they conflict."""

    first: str
    second: str
    kind: str
    sites: int
    conflicts: int
    mean: float
    lowest: float


@dataclass(frozen=True)
class Composition:
    """A written preset and what was found out about it; `masked` names the adapters with a mask stream."""

    output: Path
    preset: Preset
    masked: tuple[AdapterName, ...]
    reason: str
    note: str
    notes: tuple[str, ...]
    summary: tuple[KindSummary, ...]
    conflicts: tuple[SiteCosine, ...]
    cosines: tuple[SiteCosine, ...]
    grid: Path | None


def compose(options: ComposeOptions, session: Session, *, progress: Progress | None = None) -> Composition:
    """Write a preset.

    Raises:
        Busy: the preset is there already and `force` is off.
        UsageProblem, NotFound, Incompatible, Refused: an adapter, a base, weights, a mask, or a file.
    """
    progress = progress or SilentProgress()
    _check_place(options)
    _require_different(options.wanted)
    masking = preset_masking(
        options.wanted, session, photo=options.photo, given=options.masks.keys(), masked=options.masked
    )
    composed = masking.composed
    preset = _preset(composed, blend=options.wanted.blend)
    found = _compare(masking, options, session, progress)
    with disk_errors(options.output):
        write_durably(options.output, preset.to_bytes())
    return Composition(
        output=options.output,
        preset=preset,
        masked=tuple(build.manifest.name for build in composed.chosen.builds if build.manifest.adapter.masked),
        reason=composed.chosen.reason,
        note=composed.note,
        notes=(*composed.lock_notes, *masking.notes, *found.notes),
        summary=_summary(found.cosines),
        conflicts=tuple(sorted(filter(is_conflict, found.cosines), key=lambda one: one.cosine)),
        cosines=found.cosines,
        grid=found.grid,
    )


def is_conflict(pair: SiteCosine) -> bool:
    """Whether two adapters pull in opposite directions at a site, both of them audibly."""
    return pair.cosine < CONFLICT and pair.strength >= LOUD


def grid_weights(weights: Sequence[float]) -> tuple[tuple[float, ...], ...]:
    """The cells of a grid: from one adapter to the other if there are two, else each alone and all together."""
    if len(weights) == 1:
        return tuple((share,) for share in _GRID_WEIGHTS)
    if len(weights) == 2:
        return tuple((1 - share, share) for share in _GRID_WEIGHTS)
    count = len(weights)
    alone = (tuple(float(place == other) for other in range(count)) for place in range(count))
    equal = tuple(1 / count for _ in weights)
    return tuple(dict.fromkeys([*alone, equal, tuple(weights)]))


def _check_place(options: ComposeOptions) -> None:
    if options.output.suffix != ".toml":
        raise UsageProblem(
            f"output `{options.output}` is no `.toml` file", hint=f"pass `-o {options.output.stem or 'preset'}.toml`"
        )
    if options.output.exists() and not options.force:
        raise Busy(f"`{options.output}` is there already", hint="pass another name, or `--force` to replace it")
    check_outputs([options.output], force=True)
    if options.photo is not None:
        check_outputs([_grid_place(options.output)], force=options.force)


def _require_different(wanted: Wanted) -> None:
    names = [ref.name for ref in wanted.refs]
    twice = next((name for number, name in enumerate(names) if name in names[:number]), None)
    if twice is not None:
        raise UsageProblem(f"`{twice}` is named twice, expected each adapter once", hint="add the weights up")


def _grid_place(preset: Path) -> Path:
    return preset.with_suffix(".mp4")


def _preset(composed: Composed, *, blend: bool) -> Preset:
    adapters = tuple(
        PresetAdapter(
            name=build.manifest.name,
            version=build.manifest.version,
            digest=build.candidate.line.manifest.digest,
            weight=weight,
        )
        for build, weight in zip(composed.chosen.builds, composed.weights, strict=True)
    )
    described = {
        "base": composed.chosen.base.spec.name,
        "blend": "budget" if blend else "sum",
        "adapters": [adapter.plain() for adapter in adapters],
    }
    return Preset.of(described, source="preset")


def _compare(masking: Masking, options: ComposeOptions, session: Session, progress: Progress) -> CompareResult:
    composed = masking.composed
    chosen = composed.chosen
    settings = settle(options.choices, chosen.base.spec, [build.manifest.adapter for build in chosen.builds])
    uses = install_composed(composed, session, yes=options.wanted.yes, progress=progress)
    loaded = StudioRequest(
        base=chosen.base.folder,
        adapters=uses,
        verdicts=session.store.layout.verdicts,
        compiled=options.compiled and options.photo is not None,
    )
    studio = load_studio(loaded, progress)
    found = masking.found_in(options.photo) if options.photo is not None else {}
    request = CompareRequest(
        settings=settings,
        photo=options.photo,
        grid=grid_weights(composed.weights) if options.photo is not None else (),
        output=_grid_place(options.output) if options.photo is not None else None,
        masks={str(name): path for name, path in options.masks.items()},
        found={str(name): mask for name, mask in found.items()},
    )
    return compare(studio, request, progress)


def _summary(cosines: Iterable[SiteCosine]) -> tuple[KindSummary, ...]:
    groups: dict[tuple[str, str, str], list[SiteCosine]] = defaultdict(list)
    for one in cosines:
        groups[one.first, one.second, one.kind].append(one)
    return tuple(
        KindSummary(
            first=first,
            second=second,
            kind=kind,
            sites=len(group),
            conflicts=sum(is_conflict(one) for one in group),
            mean=round(fmean(one.cosine for one in group), 3),
            lowest=round(min(one.cosine for one in group), 3),
        )
        for (first, second, kind), group in groups.items()
    )
