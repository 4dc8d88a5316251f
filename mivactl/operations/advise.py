"""Warn of an adapter in a signed registry: one more line in its advisories, signed with the rest."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mivactl.operations.sign_registry import registry_in, signed_change
from registry_schema.advisories import MAX_ADVISORIES_BYTES, Advisory, read_advisories, write_advisories
from registry_schema.errors import Refused
from registry_schema.signed_state import ADVISORIES

if TYPE_CHECKING:
    from pathlib import Path

    from mivactl.session import Session
    from registry_schema.advisories import AdvisoryKind
    from registry_schema.digests import Digest


def advise(folder: Path, digest: Digest, session: Session, *, kind: AdvisoryKind, reason: str) -> Advisory:
    """Warn, in the registry in `folder`, of everything with `digest`: a manifest, a weights file or the tensors in one.

    Raises:
        NotFound: there is no registry.
        Refused: the registry is not signed, so nobody would believe the advisory.
        SchemaError: a reason that is not one line.
        AuthProblem: this machine does not have enough of the registry's keys.
    """
    registry = registry_in(folder)
    if not registry.config().signed:
        raise Refused(
            f"`{registry.place}` is not signed, so nobody would believe an advisory in it",
            hint=f"run `mivactl registry sign {registry.place}` first",
        )
    described = {"v": 1, "digest": digest, "kind": kind, "reason": reason, "date": session.now}
    advisory = Advisory.of(described, source="advisory")
    with signed_change(registry, session):
        present = registry.read(ADVISORIES, max_bytes=MAX_ADVISORIES_BYTES) or b""
        registry.write(ADVISORIES, write_advisories((*read_advisories(present), advisory)))
    return advisory
