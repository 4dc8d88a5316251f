"""Attach previews and reports to a build that is published already: new files and new lines of its index alone."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mivactl.operations.attachable import attachable_preview, attachable_report, require_free, require_measured
from mivactl.operations.registries import writable_registry
from mivactl.operations.sign_registry import signed_change
from mivactl.operations.status import builds_meant
from mivactl.registry.registry import Capability
from registry_schema.attachments import Attachment
from registry_schema.errors import Refused, UsageProblem

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mivactl.operations.attachable import Attachable
    from mivactl.registry.registry import WritableRegistry
    from mivactl.session import Session
    from registry_schema.index import IndexLine
    from registry_schema.ref import AdapterRef


@dataclass(frozen=True, kw_only=True)
class Belonging:
    """Which build something is attached to, where a version has several.

    Attributes:
        base: the build for this base.
        masked: the masked one.
    """

    base: str | None = None
    masked: bool = False


@dataclass(frozen=True)
class AttachedFile:
    """A file that is attached now; `is_new` is false when it was before, `stripped` when it lost metadata."""

    name: str
    version: str
    base: str
    masked: bool
    path: str
    kind: str
    digest: str
    size_bytes: int
    is_new: bool
    stripped: bool


def attach(
    ref: AdapterRef,
    session: Session,
    *,
    to: str,
    previews: Sequence[Path] = (),
    reports: Sequence[Path] = (),
    belonging: Belonging | None = None,
) -> tuple[AttachedFile, ...]:
    """Attach files to the one build that `ref` means; previews lose their metadata.

    Args:
        ref: with a version or a digest.
        to: a registry's name, folder or address.
        previews, reports: at least one file, or the folder of a run of `bench` as a report.

    Raises:
        NotFound: no such build, registry or file.
        UsageProblem: several builds are meant; a file that is no preview or report, or is broken.
        SchemaError: a report that is not JSON.
        IntegrityProblem: a run that did not measure these weights.
        Busy: the build has another file of that name.
        Refused: the registry takes no attachments; or a file holds a token.
        AuthProblem: the registry is signed, and this machine does not have its keys.
    """
    if not (previews or reports):
        raise UsageProblem("nothing to attach was named", hint="`--preview FILE` or `--report FILE`")
    session.credentials.remember_kept()
    registry = writable_registry(to, session)
    require_attachments(registry)
    build = _build(ref, registry, belonging or Belonging())
    files = [*map(attachable_preview, previews), *map(attachable_report, reports)]
    require_measured(files, build.weights.digest)
    published = (entry.path for entry in registry.manifest(build).files)
    require_free(files, published, build=f"`{build.name}` {build.key.tag}")
    return attach_to(build, files, registry, session)


def require_attachments(registry: WritableRegistry) -> None:
    """Return when the registry takes attachments; raises `Refused`."""
    if Capability.ATTACH not in registry.capabilities:
        raise Refused(f"registry `{registry.name}` takes no attachments", hint="`mivactl registry list` shows others")


def attach_to(
    build: IndexLine, files: Sequence[Attachable], registry: WritableRegistry, session: Session
) -> tuple[AttachedFile, ...]:
    """Attach files that were looked at to a build.

    Raises:
        Busy: another file is attached under one of their names.
        AuthProblem: the registry is signed, and this machine does not have its keys.
    """
    with signed_change(registry, session):
        return tuple(_attach(file, build, registry, session) for file in files)


def _build(ref: AdapterRef, registry: WritableRegistry, belonging: Belonging) -> IndexLine:
    meant = builds_meant(ref, registry, base=belonging.base)
    found = [line for line in meant if line.masked or not belonging.masked]
    if len(found) != 1:
        there = ", ".join(line.key.tag for line in meant)
        raise UsageProblem(
            f"`{ref}` means {there}, expected one build", hint="say which: one version, `--base NAME`, `--masked`"
        )
    return found[0]


def _attach(file: Attachable, build: IndexLine, registry: WritableRegistry, session: Session) -> AttachedFile:
    attachment = Attachment(name=build.name, manifest=build.manifest.digest, file=file.entry, published=session.now)
    with tempfile.TemporaryDirectory(prefix="mivactl-") as folder:
        place = Path(folder) / file.entry.path
        place.write_bytes(file.content)
        is_new = registry.attach(attachment, place)
    return AttachedFile(
        name=build.name,
        version=str(build.version),
        base=build.base.name,
        masked=build.masked,
        path=file.entry.path,
        kind=file.entry.kind,
        digest=file.entry.digest,
        size_bytes=file.entry.size,
        is_new=is_new,
        stripped=file.stripped,
    )
