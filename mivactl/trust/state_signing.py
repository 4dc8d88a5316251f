"""Making the signed state of a registry: new roots, and a snapshot with its checkpoint; bytes in, bytes out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mivactl.trust.signed_bytes import sign
from registry_schema.digests import Digest
from registry_schema.errors import AuthProblem, UsageProblem
from registry_schema.signed_state import (
    CHECKPOINT_DAYS,
    Checkpoint,
    Root,
    Snapshot,
    SnapshotEntry,
    SnapshotPointer,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mivactl.trust.ed25519 import SigningKey
    from registry_schema.registry_address import RegistryId
    from registry_schema.signatures import PublicKey
    from registry_schema.signed_state import StatePath
    from registry_schema.text import Timestamp

ROOT_DAYS = 365
ROOT, CHECKPOINT, SNAPSHOT = "trust/root.json", "trust/checkpoint.json", "trust/snapshot.json"
MAX_ROOTS = 256


def numbered_root(version: int) -> str:
    """Where the root of one version stays for those who have not seen the later ones."""
    return f"trust/root-{version}.json"


def new_root(
    registry: RegistryId, keys: Sequence[PublicKey], *, threshold: int, previous: Root | None, now: Timestamp
) -> Root:
    """The first root of a registry, or the one after `previous`.

    Raises:
        UsageProblem: the threshold is more than the number of keys.
    """
    if not 1 <= threshold <= len(keys):
        raise UsageProblem(f"threshold `{threshold}` is not between 1 and the {len(keys)} keys", hint="name more keys")
    version = 1 if previous is None else previous.version + 1
    return Root(
        registry=registry, version=version, expires=now.later(days=ROOT_DAYS), threshold=threshold, keys=tuple(keys)
    )


def signed_root(root: Root, keys: Sequence[SigningKey], *, previous: Root | None) -> dict[str, bytes]:
    """The files of a root, signed by its own keys and by those of the one before.

    Raises:
        AuthProblem: `keys` are not enough for both.
    """
    needed = [root] if previous is None else [previous, root]
    chosen = {key.public: key for document in needed for key in enough_keys(document, keys)}
    data, signatures = root.to_bytes(), sign(root.to_bytes(), chosen.values())
    return {
        path: content
        for place in (numbered_root(root.version), ROOT)
        for path, content in ((f"{place}.sig", signatures), (place, data))
    }


def signed_files(
    root: Root, files: Mapping[StatePath, bytes], keys: Sequence[SigningKey], *, counter: int, now: Timestamp
) -> dict[str, bytes]:
    """Snapshot, checkpoint and the checkpoint's signatures, in the order in which they have to be written.

    Args:
        files: every mutable file of the registry.
        counter: of this checkpoint; one more than the last.

    Raises:
        AuthProblem: `keys` are not enough.
    """
    entries = {
        path: SnapshotEntry(digest=Digest.of(data), size=len(data), lines=data.count(b"\n"))
        for path, data in sorted(files.items())
    }
    snapshot = Snapshot(registry=root.registry, files=entries).to_bytes()
    checkpoint = Checkpoint(
        registry=root.registry,
        counter=counter,
        issued=now,
        expires=now.later(days=CHECKPOINT_DAYS),
        snapshot=SnapshotPointer(digest=Digest.of(snapshot), size=len(snapshot)),
    ).to_bytes()
    return {
        SNAPSHOT: snapshot,
        f"{CHECKPOINT}.sig": sign(checkpoint, enough_keys(root, keys)),
        CHECKPOINT: checkpoint,
    }


def enough_keys(root: Root, keys: Sequence[SigningKey]) -> list[SigningKey]:
    """Those of `keys` that count for `root`.

    Raises:
        AuthProblem: fewer than its threshold.
    """
    found = [key for key in keys if key.public in root.keys]
    if len(found) < root.threshold:
        raise AuthProblem(
            f"the registry wants {root.threshold} of its {len(root.keys)} keys, this machine has {len(found)}",
            hint="run it on the machine of its owner; `mivactl keys list` shows the keys here",
        )
    return found
