"""Signing the state of a registry in a folder: which keys count, and what every mutable file holds now."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mivactl.file_lock import locked
from mivactl.operations.keys import publisher_keys
from mivactl.registry.directory import DirectoryRegistry
from mivactl.registry.static import signature_path
from mivactl.session import LOCAL
from mivactl.trust.signed_bytes import sign
from mivactl.trust.state_signing import CHECKPOINT, ROOT, SNAPSHOT, enough_keys, new_root, signed_files, signed_root
from registry_schema.digests import Digest
from registry_schema.errors import IntegrityProblem, Refused, UsageProblem
from registry_schema.registry_address import RegistryId
from registry_schema.signatures import Signatures
from registry_schema.signed_state import Checkpoint, Root, Snapshot

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from mivactl.registry.registry import TakesSignatures, WritableRegistry
    from mivactl.session import Session
    from mivactl.trust.ed25519 import SigningKey
    from registry_schema.signatures import PublicKey


@dataclass(frozen=True)
class SignedRegistry:
    """What was signed: the root's version and keys, the checkpoint's number and end.

    Attributes:
        changed: files that were not what the last snapshot says.
        unsigned: builds whose publishers did not sign them, which nobody can install from here any more.
    """

    place: str
    root_version: int
    keys: tuple[PublicKey, ...]
    threshold: int
    checkpoint: int
    expires: str
    changed: tuple[str, ...]
    unsigned: tuple[str, ...]


def sign_folder(folder: Path, session: Session, *, keys: Sequence[str] = (), threshold: int = 1) -> SignedRegistry:
    """Sign the registry in `folder`; see `sign_registry`."""
    return sign_registry(registry_in(folder), session, keys=keys, threshold=threshold)


def registry_in(folder: Path) -> DirectoryRegistry:
    """The registry in a folder; raises `NotFound`."""
    root = folder.expanduser().absolute()
    return DirectoryRegistry(DirectoryRegistry(LOCAL, root).config().name, root)


def sign_registry(
    registry: DirectoryRegistry, session: Session, *, keys: Sequence[str] = (), threshold: int = 1
) -> SignedRegistry:
    """Sign a registry as it is now; it is a signed registry from then on.

    Args:
        keys: names of keys on this machine for a new root; none keeps the root there is, and the first one is made with
            the key that signs what is published here.
        threshold: how many of `keys` have to sign together.

    Raises:
        AuthProblem: this machine does not have enough of the registry's keys.
        NotFound: no such registry or key.
        UsageProblem: a threshold that the keys can not meet.
    """
    if threshold != 1 and not keys:
        raise UsageProblem(f"threshold `{threshold}` is of no keys", hint="name the keys: `--key NAME`, several times")
    with _signing(registry, session):
        present = _root(registry)
        if present is None or keys:
            _write_root(registry, session, present, keys=keys, threshold=threshold)
        root = _require_root(registry)
        changed = changed_files(registry)
        checkpoint = _sign_files(registry, session)
        registry.state_signed()
    return SignedRegistry(
        place=registry.place,
        root_version=root.version,
        keys=root.keys,
        threshold=root.threshold,
        checkpoint=checkpoint.counter,
        expires=checkpoint.expires,
        changed=changed,
        unsigned=_unsigned_builds(registry),
    )


def _unsigned_builds(registry: DirectoryRegistry) -> tuple[str, ...]:
    lines = (line for name in registry.names() for line in registry.lines(name))
    return tuple(
        f"{line.name} {line.key.tag}"
        for line in lines
        if registry.read(signature_path(line.manifest.digest), max_bytes=Signatures.MAX_BYTES) is None
    )


def _write_root(
    registry: DirectoryRegistry, session: Session, present: Root | None, *, keys: Sequence[str], threshold: int
) -> None:
    named = [session.keys.read(name) for name in keys] or list(publisher_keys(session)[:1])
    root = new_root(
        RegistryId(registry.config().id),
        [key.public for key in named],
        threshold=threshold,
        previous=present,
        now=session.now,
    )
    for path, content in signed_root(root, session.keys.all(), previous=present).items():
        registry.write(path, content)


@contextmanager
def signed_change(registry: WritableRegistry, session: Session) -> Iterator[None]:
    """While inside, a signed registry may be changed; it is signed again at the end. Others are left alone.

    Raises:
        Refused: it is signed and no folder.
        AuthProblem: this machine does not have enough of the registry's keys; nothing was changed then.
        IntegrityProblem: somebody changed it without signing.
    """
    if not registry.config().signed:
        yield
        return
    if not isinstance(registry, DirectoryRegistry):
        raise Refused(
            f"`{registry.place}` is signed, and only a folder can be signed again",
            hint="change it in its owner's folder, then run `mivactl registry sync FOLDER PLACE`",
        )
    with _signing(registry, session):
        enough_keys(_require_root(registry), session.keys.all())
        changed = changed_files(registry)
        if changed:
            raise IntegrityProblem(
                f"`{registry.place}` was changed since it was signed: `{changed[0]}`"
                + (f" and {len(changed) - 1} more" if len(changed) > 1 else ""),
                hint=f"look at it; `mivactl registry sign {registry.place}` signs it as it is",
            )
        yield
        _sign_files(registry, session)


def put_signatures(registry: TakesSignatures, manifest: bytes, keys: Sequence[SigningKey]) -> None:
    """Place the signatures of a manifest where readers look for them; the manifest itself may come later."""
    registry.add_signatures(Digest.of(manifest), sign(manifest, keys))


def changed_files(registry: DirectoryRegistry) -> tuple[str, ...]:
    """The mutable files that are not what the snapshot says; all of them when there is none."""
    content = registry.read(SNAPSHOT, max_bytes=Snapshot.MAX_BYTES)
    signed = {} if content is None else Snapshot.parse(content).files
    files = registry.state_files()
    same = {path for path, data in files.items() if path in signed and signed[path].digest == Digest.of(data)}
    return tuple(sorted(({*files, *signed}) - same))


def _sign_files(registry: DirectoryRegistry, session: Session) -> Checkpoint:
    root = _require_root(registry)
    last = registry.read(CHECKPOINT, max_bytes=Checkpoint.MAX_BYTES)
    counter = 1 if last is None else Checkpoint.parse(last).counter + 1
    files = signed_files(root, registry.state_files(), session.keys.all(), counter=counter, now=session.now)
    for path, content in files.items():
        registry.write(path, content)
    return Checkpoint.parse(files[CHECKPOINT])


def _root(registry: DirectoryRegistry) -> Root | None:
    content = registry.read(ROOT, max_bytes=Root.MAX_BYTES)
    return None if content is None else Root.parse(content, source=f"{registry.place}/{ROOT}")


def _require_root(registry: DirectoryRegistry) -> Root:
    root = _root(registry)
    if root is None:
        raise IntegrityProblem(
            f"`{registry.place}` says that it is signed, and has no `{ROOT}`",
            hint=f"restore the file, or run `mivactl registry sign {registry.place}` to start anew",
        )
    return root


@contextmanager
def _signing(registry: DirectoryRegistry, session: Session) -> Iterator[None]:
    path = registry.root / "trust" / ".lock"
    resource = f"the signed state of `{registry.place}`"
    with locked(path, resource=resource, timeout_seconds=session.settings.lock_timeout):
        yield
