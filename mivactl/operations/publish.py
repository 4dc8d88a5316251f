"""Publish a draft: check it as if a stranger had sent it, describe it in a manifest, upload it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from mivactl.content import content_of_file
from mivactl.engine_bridge import SilentProgress, check_binding
from mivactl.finite_scan import check_finite
from mivactl.operations.attach import attach_to, require_attachments
from mivactl.operations.attachable import attachable_report, require_free, require_measured
from mivactl.operations.draft import WEIGHTS, read_draft
from mivactl.operations.keys import publisher_keys
from mivactl.operations.name_check import check_name
from mivactl.operations.outgoing import outgoing, require_no_token
from mivactl.operations.registries import writable_registry
from mivactl.operations.sign_registry import put_signatures, signed_change
from mivactl.registry.directory import create_directory_registry
from mivactl.registry.registry import STARTER, Capability, TakesSignatures
from mivactl.registry.static import signature_path
from mivactl.session import LOCAL
from mivactl.update_norms import large_update
from registry_schema.compatibility import Rejected, check_fit
from registry_schema.errors import Incompatible, IntegrityProblem
from registry_schema.files import FileEntry
from registry_schema.manifest import Manifest, TensorsRecord
from registry_schema.safetensors_header import read_header, tensor_digest
from registry_schema.signatures import Signatures
from registry_schema.text import Timestamp

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from mivactl.engine_bridge import Progress
    from mivactl.operations.attachable import Attachable
    from mivactl.operations.draft import Draft
    from mivactl.operations.outgoing import Outgoing
    from mivactl.registry.publication import Upload
    from mivactl.registry.registry import WritableRegistry
    from mivactl.session import Session
    from registry_schema.digests import Digest


@dataclass(frozen=True)
class PublishedFile:
    """One published file."""

    path: str
    kind: str
    digest: str
    size_bytes: int


@dataclass(frozen=True)
class Publication:
    """What was published, or would be with `dry_run`; `is_new` is false when it was there already.

    Attributes:
        attached: reports that stand beside the build, not in it.
        stripped: previews that went out without the metadata they have in the draft.
        warnings: what a person should know.
        new_key: the folder of the key that was made to sign this; None when there was one.
    """

    name: str
    version: str
    base: str
    masked: bool
    digest: str
    registry: str
    is_new: bool
    dry_run: bool
    files: tuple[PublishedFile, ...]
    left_out: tuple[str, ...]
    note: str
    attached: tuple[PublishedFile, ...] = ()
    stripped: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    new_key: str | None = None


def publish(
    folder: Path,
    session: Session,
    *,
    to: str | None = None,
    reports: Sequence[Path] = (),
    dry_run: bool = False,
    progress: Progress | None = None,
) -> Publication:
    """Publish the draft in `folder`, and attach reports to what is published.

    Everything is looked at before anything goes out. Who is cut off between the two publishes again: the build is there
    already then, and the reports are attached.

    Args:
        to: a registry's name or folder; None takes the person's own registry, which is made when needed.
        reports: files in JSON, or folders of runs of `bench` that measured these weights.
        dry_run: check everything and upload nothing.

    Raises:
        NotFound, SchemaError, UsageProblem: the draft or a report is not complete, or not valid.
        IntegrityProblem: weights that are broken or not finite; a preview's receipt, or a run, that is of others.
        Incompatible: weights that do not fit the base they name.
        Busy: the version is taken, or a report's name.
        Refused: the registry does not take it; or a file holds a token.
        LookAlike: the name is easily taken for one that is there.
        AuthProblem: the registry is signed, and this machine does not have its keys.
    """
    draft = read_draft(folder)
    registry = _target(session, to, create=not dry_run)
    session.credentials.remember_kept()
    had_keys = bool(session.keys.names())
    with outgoing(draft) as files:
        with (progress or SilentProgress()).phase("check", None) as phase:
            manifest = describe(draft, files)
            require_no_token(manifest.to_bytes(), name=Manifest.SOURCE)
            note = _check_base(manifest, draft, session)
            beside = _beside(manifest, reports, registry)
            phase.advance()
        check_name(manifest.name, registry, session)
        is_new = True
        if not dry_run:
            paths = {entry.digest: files.paths[entry.path] for entry in manifest.files}
            done = _upload(registry, manifest, paths, session)
            manifest, is_new = registry.manifest(done.line), done.is_new
            if beside:
                attach_to(done.line, beside, registry, session)
    warnings = tuple(filter(None, (*files.warnings, large_update(folder / WEIGHTS, draft.spec, source=WEIGHTS))))
    published = _publication(draft, manifest, registry, is_new=is_new, dry_run=dry_run, note=note)
    new_key = str(session.keys.folder) if session.keys.names() and not had_keys else None
    attached = tuple(_published(one.entry) for one in beside)
    return replace(published, attached=attached, stripped=files.stripped, warnings=warnings, new_key=new_key)


def _beside(manifest: Manifest, reports: Sequence[Path], registry: WritableRegistry) -> tuple[Attachable, ...]:
    """The reports, each of which may stand beside this build."""
    if reports:
        require_attachments(registry)
    files = tuple(map(attachable_report, reports))
    require_measured(files, next(entry.digest for entry in manifest.files if entry.kind == "weights"))
    require_free(files, (entry.path for entry in manifest.files), build=f"`{manifest.name}` {manifest.key.tag}")
    return files


def _upload(registry: WritableRegistry, manifest: Manifest, paths: Mapping[Digest, Path], session: Session) -> Upload:
    """Sign the manifest, add it, and sign the registry's new state where it is a signed one."""
    if not isinstance(registry, TakesSignatures):
        return registry.publish(manifest, paths)
    with signed_change(registry, session):
        signs = Capability.PUBLISH in registry.capabilities and registry.config().name != STARTER
        keys = publisher_keys(session) if signs else ()
        if keys and all(line.key != manifest.key for line in registry.lines(manifest.name)):
            put_signatures(registry, manifest.to_bytes(), keys)
        done = registry.publish(manifest, paths)
        if keys and registry.read(signature_path(done.line.manifest.digest), max_bytes=Signatures.MAX_BYTES) is None:
            put_signatures(registry, registry.manifest_bytes(done.line), keys)
    if keys:
        session.trust.trust(manifest.name.namespace, keys[0].public)
    return done


def _target(session: Session, to: str | None, *, create: bool) -> WritableRegistry:
    if to is None:
        local = session.local
        if create and not (local.root / "config.json").exists():
            return create_directory_registry(LOCAL, local.root)
        return local
    return writable_registry(to, session)


def describe(draft: Draft, outgoing_files: Outgoing) -> Manifest:
    """The manifest of a draft as it would be published now.

    Raises:
        SchemaError, IntegrityProblem: see `publish`.
    """
    files = tuple(_entry(draft, name, outgoing_files.paths[name]) for name in draft.files)
    _check_receipts(draft, next(entry.digest for entry in files if entry.kind == "weights"))
    release = draft.release
    described = {
        **release.plain(),
        "created": Timestamp.now(),
        "adapter": draft.spec,
        "files": files,
        "tensors": _check_weights(draft.folder / WEIGHTS),
        "training": draft.training,
    }
    return Manifest.of(described, source=Manifest.SOURCE)


def _entry(draft: Draft, name: str, path: Path) -> FileEntry:
    content = content_of_file(path, name)
    described = {"path": name, "digest": content.digest, "size": content.size_bytes, "kind": draft.files[name]}
    return FileEntry.of(described, source=name)


def _check_receipts(draft: Draft, weights: Digest) -> None:
    """A preview shows what these weights do; its receipt can not name the manifest that is made now."""
    for name, receipt in draft.receipts.items():
        if weights not in {adapter.weights for adapter in receipt.adapters}:
            raise IntegrityProblem(
                f"`{name}` is the receipt of a clip made with other weights, expected `{weights}` among them",
                hint="make the preview again with this adapter, or leave it out with its receipt",
            )


def _check_weights(path: Path) -> TensorsRecord:
    """The header gate, then every value."""
    with path.open("rb") as file:
        header = read_header(file, path.stat().st_size, source=path.name)
        check_finite(file, header, source=path.name)
        return TensorsRecord(count=len(header.tensors), digest=tensor_digest(file, header))


def _check_base(manifest: Manifest, draft: Draft, session: Session) -> str:
    """Hold spec and tensors against the base they name, where this machine has it; else say what was not done."""
    name = manifest.adapter.base.name
    known = next((base for base in session.bases if base.spec.name == name), None)
    if known is None:
        return f"base `{name}` is not on this machine: the fit was not checked"
    fit = check_fit(manifest.adapter, known.spec)
    if isinstance(fit, Rejected):
        raise Incompatible(f"the adapter does not fit the base it names: {fit.reason}", hint=fit.hint)
    if not known.has_weights:
        return f"the weights of base `{name}` are not on this machine: whether every tensor binds was not checked"
    check_binding(draft.folder / WEIGHTS, manifest.adapter, known.folder)
    return fit.note


def _publication(
    draft: Draft, manifest: Manifest, registry: WritableRegistry, *, is_new: bool, dry_run: bool, note: str
) -> Publication:
    files = tuple(_published(entry) for entry in manifest.files)
    return Publication(
        name=manifest.name,
        version=str(manifest.version),
        base=manifest.adapter.base.name,
        masked=manifest.adapter.masked,
        digest=manifest.identity(),
        registry=f"{registry.name} ({registry.place})",
        is_new=is_new,
        dry_run=dry_run,
        files=files,
        left_out=draft.left_out,
        note=note,
    )


def _published(entry: FileEntry) -> PublishedFile:
    return PublishedFile(entry.path, entry.kind, entry.digest, entry.size)
