"""From what a person named, references or a preset, to installed adapters that the engine can use."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from mivactl.engine_bridge import AdapterUse
from mivactl.operations.audit import known_hits
from mivactl.operations.choosing import base_reference, choose
from mivactl.operations.install import ensure_installed
from mivactl.operations.lock_pins import Pins, pin_to_lock
from mivactl.operations.weighing import weigh
from mivactl.registry.registry import STARTER
from mivactl.update_norms import large_update
from registry_schema.errors import NotFound, SchemaError, UsageProblem
from registry_schema.preset import Preset
from registry_schema.receipt import AdapterRecord
from registry_schema.ref import AdapterRef

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from mivactl.engine_bridge import Progress
    from mivactl.operations.choosing import Chosen
    from mivactl.session import Session
    from mivactl.store.pointer import InstalledBuild
    from registry_schema.names import AdapterName


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """The adapters of a run as a person names them.

    Attributes:
        refs: with or without weights.
        preset: a file instead of `refs`; it names its base and exact builds.
        base: a base's name or folder.
        blend: scale the weights so that they sum to 1.
        yes: whether adapters from other registries than the starter may be installed.
        project: a folder whose `miva.lock` decides what is left open; None asks no lock. Presets decide for themselves.
        locked: refuse what is not in that lock, or not as it says.
        masked: the adapters of which masked builds are wanted.
    """

    refs: tuple[AdapterRef, ...] = ()
    preset: Path | None = None
    base: str | None = None
    blend: bool = False
    yes: bool = False
    project: Path | None = None
    locked: bool = False
    masked: frozenset[AdapterName] = frozenset()


@dataclass(frozen=True)
class Composed:
    """What `Wanted` means: references with their weights, the base and the builds, lines on weights and lock."""

    refs: tuple[AdapterRef, ...]
    chosen: Chosen
    weights: tuple[float, ...]
    note: str
    lock_notes: tuple[str, ...] = ()


def compose_wanted(wanted: Wanted, session: Session) -> Composed:
    """Base, builds and weights; nothing is installed yet.

    Raises:
        UsageProblem: adapters and a preset at once, or weights that will not do.
        NotFound, Incompatible: an adapter or a base that is not there, or no build that fits.
        Refused: a policy rules a build out, or a lock has it otherwise and `locked` is set.
    """
    preset_decides = wanted.preset is not None and wanted.base is None
    if wanted.preset is not None:
        wanted = _from_preset(wanted, wanted.preset)
    weigh(wanted.refs, blend=wanted.blend)  # what is wrong with weights is wrong on every base
    pins = _pins(wanted, session, is_preset=preset_decides)
    chosen = choose(pins.refs, session, base=pins.base, masked=wanted.masked)
    pins.check([build.candidate for build in chosen.builds])
    alone = chosen.base.spec.sampling.lone_weight or 1.0
    weighing = weigh(wanted.refs, blend=wanted.blend, alone=alone)
    reason = "the preset names it" if preset_decides else pins.reason
    chosen = replace(chosen, reason=reason) if reason else chosen
    return Composed(pins.refs, chosen, weighing.weights, weighing.note, pins.notes)


def _pins(wanted: Wanted, session: Session, *, is_preset: bool) -> Pins:
    if wanted.project is None or (is_preset and not wanted.locked):
        return Pins(wanted.refs, wanted.base)
    return pin_to_lock(wanted.refs, session, project=wanted.project, base=wanted.base, locked=wanted.locked)


def install_composed(composed: Composed, session: Session, *, yes: bool, progress: Progress) -> tuple[AdapterUse, ...]:
    """Install what is missing, and say where each adapter's weights lie.

    Raises:
        Refused: an adapter would come from another registry than the starter, and `yes` is not set.
        IntegrityProblem: an installed file was changed.
    """
    if not yes:
        _require_whole(composed, session)
    exact = [
        replace(ref, spec=build.candidate.line.manifest.digest, weight=None)
        for ref, build in zip(composed.refs, composed.chosen.builds, strict=True)
    ]
    base = base_reference(composed.chosen.base, session)
    builds = ensure_installed(exact, session, base=base, yes=yes, progress=progress)
    for hit in known_hits(builds, session):
        progress.note(f"warning: {hit.sentence}")
    for line in large_updates(builds, session):
        progress.note(f"warning: {line}")
    return tuple(_use(build, weight, session) for build, weight in zip(builds, composed.weights, strict=True))


def large_updates(builds: Sequence[InstalledBuild], session: Session) -> Iterator[str]:
    """Lines on weights that are finite and no size for weights, before they run for the first time."""
    for build in builds:
        weights = session.store.manifest(build.line.manifest.digest).weights
        if not (session.store.layout.verdicts / f"{weights.digest.hex}.finite").exists():
            spec = session.store.manifest(build.line.manifest.digest).adapter
            label = f"{build.line.name} {build.line.version}"
            if line := large_update(session.store.file(build, weights), spec, source=label):
                yield line


def _require_whole(composed: Composed, session: Session) -> None:
    """Name a changed file as what it is, where it may not be repaired unasked."""
    installed = {build.line.manifest.digest: build for build in session.store.installed()}
    for build in composed.chosen.builds:
        here = installed.get(build.candidate.line.manifest.digest)
        if here is not None and build.candidate.registry != STARTER:
            session.store.file(here, build.manifest.weights)


def _use(build: InstalledBuild, weight: float, session: Session) -> AdapterUse:
    manifest = session.store.manifest(build.line.manifest.digest)
    path = session.store.file(build, manifest.weights)
    session.store.mark_used(build)
    record = AdapterRecord(
        name=manifest.name,
        version=manifest.version,
        manifest=build.line.manifest.digest,
        weights=manifest.weights.digest,
        weight=weight,
    )
    return AdapterUse(record=record, spec=manifest.adapter, weights=path)


def read_preset(path: Path) -> Preset:
    """The preset in a file.

    Raises:
        NotFound: there is no such file.
        SchemaError: it is no preset.
    """
    way_out = "`mivactl compose NAME:W ... -o preset.toml` writes one"
    try:
        content = path.read_bytes()
    except OSError as error:
        raise NotFound(f"cannot read preset `{path}`: {error.strerror}", hint=way_out) from error
    try:
        return Preset.parse(content, source=path.name)
    except SchemaError as error:
        raise SchemaError(error.message, hint=error.hint or way_out) from error


def preset_refs(preset: Preset) -> tuple[AdapterRef, ...]:
    """The exact builds a preset names, at the weights it runs with."""
    return tuple(
        AdapterRef(name=adapter.name, spec=adapter.digest, weight=weight)
        for adapter, weight in zip(preset.adapters, preset.weights(), strict=True)
    )


def _from_preset(wanted: Wanted, path: Path) -> Wanted:
    if wanted.refs:
        raise UsageProblem("`--preset` and `--use` were both given, expected one", hint="leave one of them out")
    preset = read_preset(path)
    return replace(wanted, preset=None, refs=preset_refs(preset), base=wanted.base or str(preset.base))
