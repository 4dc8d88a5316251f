"""Attach previews and reports to a build that is published already: new files and new lines of its index alone."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mivactl.operations.draft import check_preview
from mivactl.operations.outgoing import require_no_token
from mivactl.operations.registries import writable_registry
from mivactl.operations.sign_registry import signed_change
from mivactl.operations.status import builds_meant
from mivactl.preview_metadata.strip import stripped
from mivactl.registry.registry import Capability
from registry_schema import strict_json
from registry_schema.attachments import Attachment
from registry_schema.digests import Digest
from registry_schema.errors import Busy, NotFound, Refused, UsageProblem
from registry_schema.files import MAX_FILE_BYTES, FileEntry

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mivactl.registry.registry import WritableRegistry
    from mivactl.session import Session
    from registry_schema.files import FileKind
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


@dataclass(frozen=True)
class _Outgoing:
    """A file as it goes out."""

    entry: FileEntry
    content: bytes
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
        previews, reports: at least one file.

    Raises:
        NotFound: no such build, registry or file.
        UsageProblem: several builds are meant; a file that is no preview or report, or is broken.
        SchemaError: a report that is not JSON.
        Busy: the build has another file of that name.
        Refused: the registry takes no attachments; or a file holds a token.
        AuthProblem: the registry is signed, and this machine does not have its keys.
    """
    if not (previews or reports):
        raise UsageProblem("nothing to attach was named", hint="`--preview FILE` or `--report FILE`")
    session.credentials.remember_kept()
    registry = writable_registry(to, session)
    if Capability.ATTACH not in registry.capabilities:
        raise Refused(f"registry `{registry.name}` takes no attachments", hint="`mivactl registry list` shows others")
    build = _build(ref, registry, belonging or Belonging())
    outgoing = [*(_outgoing(path, "preview") for path in previews), *(_outgoing(path, "report") for path in reports)]
    _require_free(build, registry, outgoing)
    with signed_change(registry, session):
        return tuple(_attach(file, build, registry, session) for file in outgoing)


def _build(ref: AdapterRef, registry: WritableRegistry, belonging: Belonging) -> IndexLine:
    meant = builds_meant(ref, registry, base=belonging.base)
    found = [line for line in meant if line.masked or not belonging.masked]
    if len(found) != 1:
        there = ", ".join(line.key.tag for line in meant)
        raise UsageProblem(
            f"`{ref}` means {there}, expected one build", hint="say which: one version, `--base NAME`, `--masked`"
        )
    return found[0]


def _outgoing(path: Path, kind: FileKind) -> _Outgoing:
    if path.is_symlink() or not path.is_file():
        raise NotFound(f"no file `{path}`", hint="give the path of a plain file")
    if path.stat().st_size > MAX_FILE_BYTES[kind]:
        raise UsageProblem(
            f"`{path}` is {path.stat().st_size} bytes long, a {kind} {MAX_FILE_BYTES[kind]} at most",
            hint="make it smaller",
        )
    content = path.read_bytes()
    if kind == "preview":
        check_preview(path)
        clean = stripped(content, name=path.name)
    else:
        strict_json.parse(content, max_bytes=MAX_FILE_BYTES[kind], source=str(path))
        clean = content
    require_no_token(clean, name=path.name)
    described = {"path": path.name, "digest": Digest.of(clean), "size": len(clean), "kind": kind}
    return _Outgoing(FileEntry.of(described, source=str(path)), clean, stripped=clean != content)


def _require_free(build: IndexLine, registry: WritableRegistry, outgoing: Sequence[_Outgoing]) -> None:
    published = {entry.path for entry in registry.manifest(build).files}
    names = [file.entry.path for file in outgoing]
    twice = next((name for name in names if name in published or names.count(name) > 1), None)
    if twice is not None:
        raise Busy(
            f"`{build.name}` {build.key.tag} has a file `{twice}` already",
            hint="what is published never changes: give the file another name",
        )


def _attach(file: _Outgoing, build: IndexLine, registry: WritableRegistry, session: Session) -> AttachedFile:
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
