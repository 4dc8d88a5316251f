"""Checking the signed state of a registry: verify, then parse, then compare with what is known; persisting comes last.

Nothing here touches a disk or a network: documents come in as bytes, a `VerifiedState` goes out.

Source: TUF specification 1.0.34, section 5 (client workflow), with timestamp and snapshot keys merged into the root's.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mivactl.trust.known_state import KnownState
from mivactl.trust.signed_bytes import require_signed
from registry_schema.digests import Digest
from registry_schema.errors import Expired, IntegrityProblem, KeyChanged, MixAndMatch, Rollback, SnapshotMismatch
from registry_schema.signed_state import CATALOG, Checkpoint, Root, Snapshot, SnapshotEntry

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from registry_schema.signed_state import StatePath
    from registry_schema.text import Timestamp

_OLD = "its server may be showing you an old copy: ask its owner, and do not install from it"


@dataclass(frozen=True)
class Signed:
    """The bytes of a document, and of the `.sig` file beside it or None."""

    data: bytes
    signatures: bytes | None


@dataclass(frozen=True)
class OfferedState:
    """What a registry offers: every root after the known one (or the first one), its checkpoint, its snapshot."""

    roots: Sequence[Signed]
    checkpoint: Signed
    snapshot: bytes


@dataclass(frozen=True)
class Known:
    """What was remembered of the last state that passed every check, and the bytes of its snapshot."""

    state: KnownState
    snapshot: bytes

    def line_counts(self) -> Mapping[str, int]:
        """How many lines each file had that only grows; the catalog may lose the lines of withdrawn adapters."""
        files = json.loads(self.snapshot)["files"]
        return {path: entry["lines"] for path, entry in files.items() if path != CATALOG}


@dataclass(frozen=True)
class VerifiedState:
    """A state that passed every check.

    Attributes:
        label: what messages call the registry.
        expires: when it may be old news.
        files: the entry of every mutable file, as plain data.
        known: what to remember of it.
        snapshot: the bytes of the snapshot, to be remembered too.
    """

    label: str
    expires: Timestamp
    files: Mapping[str, Any]
    known: KnownState
    snapshot: bytes

    def signed_part(self, path: StatePath, data: bytes | None) -> bytes | None:
        """What the owner signed of a file, None where it is not among the files of the registry.

        What stands behind the signed part is left out: it was added since, and its owner has not signed it, or not yet.
        So a publication that was interrupted, or is under way, leaves readers with the state before it.

        Args:
            data: the file as it is now, or None where there is none.

        Raises:
            MixAndMatch: the signed part is not there.
        """
        plain = self.files.get(path)
        if plain is None:
            return None
        entry = SnapshotEntry.of(plain, source=f"{self.label}: snapshot.json: {path}")
        if data is None:
            raise MixAndMatch(f"{self.label}: `{path}` is missing", hint=_OLD)
        part = data[: entry.size]
        if Digest.of(part) != entry.digest:
            raise MixAndMatch(
                f"{self.label}: `{path}` has digest `{Digest.of(data)}`, the signed snapshot says `{entry.digest}`",
                hint=_OLD,
            )
        return part

    def is_expired(self, now: Timestamp) -> bool:
        """Whether newer things may be kept from us by now."""
        return now >= self.expires

    def require_fresh(self, now: Timestamp) -> None:
        """Return unless newer things may be kept from us by now; raises `Expired`."""
        if self.is_expired(now):
            raise Expired(
                f"{self.label}: its signed state expired at {self.expires}, so what is new may be kept from you",
                hint="ask its owner to run `mivactl registry sign`, or take what there is with `--allow-stale`",
            )


def verify_state(offered: OfferedState, known: Known | None, *, registry: str, label: str) -> VerifiedState:
    """The offered state, if it holds against its signatures and against what is known.

    Args:
        known: what was seen last; None takes the first root on trust.
        registry: the id in the registry's `config.json`.
        label: what messages call the registry.

    Raises:
        KeyChanged: another registry, or keys that the known ones did not introduce.
        Rollback: an older state than the known one, or another one under its number.
        SnapshotMismatch: not the snapshot that the checkpoint names.
        IntegrityProblem: too few signatures, or a document that is not valid.
    """
    root_text, root = _newest_root(offered.roots, known, label=label)
    require_signed(
        offered.checkpoint.data,
        offered.checkpoint.signatures,
        root.keys,
        threshold=root.threshold,
        source=f"{label}: checkpoint.json",
    )
    checkpoint = Checkpoint.parse(offered.checkpoint.data, source=f"{label}: checkpoint.json")
    _check_snapshot_bytes(offered.snapshot, checkpoint, label=label)
    for document in (root, checkpoint):
        _check_registry(document, registry, label=label)
    found = KnownState(
        registry=root.registry,
        root=root_text,
        counter=checkpoint.counter,
        checkpoint=Digest.of(offered.checkpoint.data),
    )
    if known is None or found != known.state:
        snapshot = Snapshot.parse(offered.snapshot, source=f"{label}: snapshot.json")
        _check_registry(snapshot, registry, label=label)
        _compare(found, snapshot, known, label=label)
    files = json.loads(offered.snapshot)["files"]  # these very bytes were held against every rule, now or before
    return VerifiedState(label, min(root.expires, checkpoint.expires), files, found, offered.snapshot)


def _check_registry(document: Root | Checkpoint | Snapshot, registry: str, *, label: str) -> None:
    if document.registry != registry:
        raise KeyChanged(
            f"{label}: {document.SOURCE} is of registry `{document.registry}`, config.json says `{registry}`",
            hint="its files are mixed with those of another registry: ask its owner",
        )


def _newest_root(roots: Sequence[Signed], known: Known | None, *, label: str) -> tuple[str, Root]:
    """The last of a chain of roots, each signed by its own keys and by those of the one before."""
    text, current = (known.state.root, known.state.known_root()) if known is not None else ("", None)
    for offered in roots:
        source = f"{label}: root.json"
        if current is not None:
            try:
                require_signed(
                    offered.data, offered.signatures, current.keys, threshold=current.threshold, source=source
                )
            except IntegrityProblem as error:
                raise _other_keys(label, current, error) from error
        new = Root.parse(offered.data, source=source)
        # keys are read from the root itself, so only now can they be asked whether they agree to it
        require_signed(offered.data, offered.signatures, new.keys, threshold=new.threshold, source=source)
        if current is not None and new.version != current.version + 1:
            raise Rollback(f"{source} has version {new.version} after {current.version}", hint=_OLD)
        text, current = offered.data.decode(), new
    if current is None:
        raise IntegrityProblem(f"{label}: has no root.json, and says that it is signed", hint="ask its owner")
    return text, current


def _other_keys(label: str, current: Root, error: IntegrityProblem) -> KeyChanged:
    known = ", ".join(f"`{key}`" for key in current.keys)
    return KeyChanged(
        f"{label}: its new keys are not signed by those this machine knows ({known}): {error.message}",
        hint="ask its owner; to start anew with it, `mivactl registry remove` and `registry add` it again",
    )


def _check_snapshot_bytes(data: bytes, checkpoint: Checkpoint, *, label: str) -> None:
    found = Digest.of(data)
    if found != checkpoint.snapshot.digest or len(data) != checkpoint.snapshot.size:
        raise SnapshotMismatch(
            f"{label}: snapshot.json has digest `{found}`, the signed checkpoint {checkpoint.counter} names "
            f"`{checkpoint.snapshot.digest}`",
            hint=_OLD,
        )


def _compare(found: KnownState, snapshot: Snapshot, last: Known | None, *, label: str) -> None:
    if last is None:
        return
    known = last.state
    if found.registry != known.registry:
        raise KeyChanged(
            f"{label}: is registry `{found.registry}` now, it was `{known.registry}`",
            hint="another registry took its place: ask its owner; `mivactl registry remove` forgets the old one",
        )
    if found.counter < known.counter:
        raise Rollback(f"{label}: offers checkpoint {found.counter}, this machine has seen {known.counter}", hint=_OLD)
    if found.counter == known.counter and found.checkpoint != known.checkpoint:
        raise Rollback(
            f"{label}: offers another checkpoint {found.counter} than this machine has seen",
            hint="its owner signed two states under one number, or its keys were stolen: ask",
        )
    counts: dict[str, int] = {path: entry.lines for path, entry in snapshot.files.items()}
    for path, count in last.line_counts().items():
        if counts.get(path, 0) < count:
            raise Rollback(
                f"{label}: `{path}` has {counts.get(path, 0)} lines in the signed snapshot, it had {count}", hint=_OLD
            )
