"""What an installation has to do for each build of a plan: add it, mend it, or leave it as it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mivactl.operations.copying import contents_of
from mivactl.operations.planning import manifest_of
from mivactl.store.pointer import place_of
from registry_schema.errors import IntegrityProblem, Refused

if TYPE_CHECKING:
    from mivactl.content import Content
    from mivactl.resolve.plan import Choice, Plan
    from mivactl.session import Session
    from mivactl.store.pointer import InstalledBuild
    from registry_schema.manifest import Manifest
    from registry_schema.signatures import PublicKey


@dataclass(frozen=True)
class Task:
    """One build of a plan; `action` is `added`, `repaired` or `kept`, `publisher` the key that vouches for it."""

    choice: Choice
    manifest: Manifest
    action: str
    publisher: PublicKey | None = None

    @property
    def copies(self) -> bool:
        """Whether anything is copied for it."""
        return self.action != "kept"

    def contents(self) -> tuple[Content, ...]:
        """Its files."""
        return contents_of(self.manifest)


def tasks_of(plan: Plan, session: Session, *, reinstall: bool) -> tuple[Task, ...]:
    """What to do for each build of `plan`.

    Args:
        reinstall: whether builds that are in order are copied again, too.

    Raises:
        Refused: another registry's build is installed under the same version.
        IntegrityProblem: it was not signed as it should be, or is not what its index says.
    """
    installed = {build.place: build for build in session.store.installed()}
    return tuple(_task(choice, session, installed, reinstall=reinstall) for choice in plan.choices)


def _task(choice: Choice, session: Session, installed: dict[str, InstalledBuild], *, reinstall: bool) -> Task:
    line = choice.candidate.line
    present = installed.get(place_of(line))
    if present is None:
        publisher = session.guarded(session.registry(choice.candidate.registry)).publisher(line)
        return Task(choice, manifest_of(choice.candidate, session), "added", publisher)
    if present.line.manifest.digest != line.manifest.digest:
        raise Refused(
            f"`{line.name}` {line.version} is installed from `{present.pointer.registry}`, "
            f"`{choice.candidate.registry}` has other bytes under the same version",
            hint=f"run `mivactl uninstall {line.name}@=={line.version}` first",
        )
    if reinstall or _is_damaged(present, session):
        registry = session.guarded(session.registry(present.pointer.registry))
        return Task(choice, registry.manifest(line), "repaired", registry.publisher(line))
    return Task(choice, manifest_of(choice.candidate, session), "kept")


def _is_damaged(build: InstalledBuild, session: Session) -> bool:
    """Whether bytes changed; a store that was copied elsewhere only looks different, so what does is hashed."""
    if session.store.looks_intact(build):
        return False
    try:
        for entry in session.store.manifest(build.line.manifest.digest).files:
            session.store.file(build, entry)
    except IntegrityProblem:
        return True
    return False
