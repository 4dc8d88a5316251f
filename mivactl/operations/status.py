"""Withdraw, deprecate or restore published builds: the one thing of them that may change."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mivactl.operations.registries import writable_registry
from mivactl.operations.sign_registry import signed_change
from registry_schema.digests import Digest
from registry_schema.errors import NotFound, UsageProblem
from registry_schema.versions import VersionRange

if TYPE_CHECKING:
    from mivactl.registry.registry import Registry
    from mivactl.session import Session
    from registry_schema.index import IndexLine, StatusChange
    from registry_schema.ref import AdapterRef


@dataclass(frozen=True)
class ChangedBuild:
    """A build and its status now."""

    name: str
    version: str
    base: str
    masked: bool
    status: str
    note: str | None
    successor: str | None


def set_status(
    ref: AdapterRef, change: StatusChange, session: Session, *, registry: str, base: str | None = None
) -> tuple[ChangedBuild, ...]:
    """Give every build that `ref` means another status.

    Args:
        ref: with a version or a digest; a name alone would mean builds nobody thought of.
        registry: name, folder or address.
        base: only the builds for this base.

    Raises:
        NotFound: no such build, or no such registry.
        Refused: the registry takes no changes.
        AuthProblem: it is signed, and this machine does not have its keys.
        UsageProblem: `ref` has a weight, or names no version.
    """
    target = writable_registry(registry, session)
    meant = builds_meant(ref, target, base=base)
    with signed_change(target, session):
        changed = [target.set_status(line.key, change) for line in meant]
    return tuple(
        ChangedBuild(line.name, str(line.version), line.base.name, line.masked, line.status, line.note, line.successor)
        for line in changed
    )


def builds_meant(ref: AdapterRef, registry: Registry, *, base: str | None = None) -> tuple[IndexLine, ...]:
    """Every build that `ref` means, at least one; raises `NotFound` and `UsageProblem` as `set_status`."""
    if ref.weight is not None or not isinstance(ref.spec, VersionRange | Digest):
        raise UsageProblem(
            f"`{ref}` does not say which version, expected for example `{ref.name}@==1.0.0`",
            hint=f"`mivactl info {ref.name}` lists the versions",
        )
    lines = [line for line in registry.lines(ref.name) if base in {None, line.base.name}]
    meant = tuple(
        line
        for line in lines
        if (line.manifest.digest == ref.digest if ref.digest else ref.admits(line.version, pre=True))
    )
    if not meant:
        there = ", ".join(line.key.tag for line in lines) or "none"
        raise NotFound(
            f"no build of `{ref}` in registry `{registry.name}`, there is {there}", hint=f"`mivactl info {ref.name}`"
        )
    return meant
