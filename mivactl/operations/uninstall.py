"""Uninstall adapters: their pointers go in one step, then every file that nothing else needs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mivactl.operations.candidates import did_you_mean
from registry_schema.errors import NotFound, Refused

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mivactl.session import Session
    from mivactl.store.pointer import InstalledBuild
    from registry_schema.digests import Digest
    from registry_schema.ref import AdapterRef


@dataclass(frozen=True)
class RemovedBuild:
    """A build that is no longer installed; `kept` if its files stay because the lock of a project names it."""

    name: str
    version: str
    base: str
    masked: bool
    kept: bool


def uninstall(refs: Sequence[AdapterRef], session: Session, *, base: str | None = None) -> tuple[RemovedBuild, ...]:
    """Remove every installed build that one of `refs` means.

    Args:
        base: remove only the builds for this base.

    Raises:
        NotFound: one of them is not installed; nothing is removed then.
        Refused: one of them is in a store of others.
        Busy: another process holds the store.
    """
    installed = session.store.installed()
    builds = {build.place: build for ref in refs for build in _meant(ref, installed, base)}
    shared = next((build for build in builds.values() if build.shared), None)
    if shared is not None:
        raise Refused(
            f"`{shared.line.name}` {shared.line.version} is in the shared store `{shared.layout.root}`, "
            "which is never written from here",
            hint="unset `MIVACTL_SHARED_STORE` or change `shared_stores` in `config.toml` to go without that store",
        )
    kept = session.store.kept_for_projects()
    with session.store.transaction() as change:
        for place in builds:
            change.remove(place)
    return tuple(_removed(build, kept) for build in builds.values())


def installed_builds(
    refs: Sequence[AdapterRef], session: Session, *, base: str | None = None
) -> tuple[InstalledBuild, ...]:
    """The installed builds that `refs` mean, all of them when there are no refs; raises `NotFound`."""
    installed = session.store.installed()
    if not refs:
        return tuple(build for build in installed if base in {None, build.line.base.name})
    return tuple({build.place: build for ref in refs for build in _meant(ref, installed, base)}.values())


def _meant(ref: AdapterRef, installed: Sequence[InstalledBuild], base: str | None) -> list[InstalledBuild]:
    builds = [
        build
        for build in installed
        if build.line.name == ref.name
        and ref.registry in {None, build.pointer.registry}
        and base in {None, build.line.base.name}
        and (build.line.manifest.digest == ref.digest if ref.digest else ref.admits(build.line.version, pre=True))
    ]
    if builds:
        return builds
    others = sorted(
        {f"{build.line.version} for {build.line.base.name}" for build in installed if build.line.name == ref.name}
    )
    if others:
        raise NotFound(f"`{ref}` is not installed", hint=f"installed of it: {', '.join(others)}")
    names = sorted({str(build.line.name) for build in installed})
    hint = did_you_mean(ref.name, names) if names else "nothing is installed"
    raise NotFound(f"`{ref}` is not installed", hint=hint.replace("mivactl search", "mivactl list"))


def _removed(build: InstalledBuild, kept: frozenset[Digest]) -> RemovedBuild:
    line = build.line
    return RemovedBuild(line.name, str(line.version), line.base.name, line.masked, line.manifest.digest in kept)
