"""The bases on this machine, and those that can be fetched."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from mivactl.engine_bridge import room_here
from mivactl.operations.sealed_base import publications

if TYPE_CHECKING:
    from mivactl.bases import KnownBase
    from mivactl.engine_bridge import Room
    from mivactl.session import Session
    from registry_schema.base_spec import BaseFacts
    from registry_schema.clip_shape import ClipShape

State = Literal["packaged", "installed", "without weights", "can be fetched"]


@dataclass(frozen=True)
class ListedBase:
    """One base: what it is, where it is, its size, whether this machine runs it and the settings name it."""

    name: str
    title: str
    family: str
    clip: ClipShape
    licence: str
    state: State
    place: str | None
    size_bytes: int | None
    room: Room | None
    packaged: bool
    active: bool


def list_bases(session: Session) -> tuple[ListedBase, ...]:
    """All bases by name, those on this machine first; no weight is read."""
    here = sorted(session.bases, key=lambda known: known.spec.name)
    names = {known.spec.name for known in here}
    listed = [_here(known, session) for known in here]
    for publication in publications(session):
        facts = publication.base.facts
        if facts.name not in names:
            room = room_here(publication.base.parameters)
            listed.append(_listed(facts, session, state="can be fetched", room=room))
    return tuple(listed)


def _here(known: KnownBase, session: Session) -> ListedBase:
    state: State = "packaged" if known.packaged else "installed" if known.has_weights else "without weights"
    size_bytes = sum(path.stat().st_size for path in known.folder.rglob("*") if path.is_file())
    return _listed(known.spec, session, state=state, room=known.room, place=str(known.folder), size_bytes=size_bytes)


def _listed(
    facts: BaseFacts,
    session: Session,
    *,
    state: State,
    room: Room | None,
    place: str | None = None,
    size_bytes: int | None = None,
) -> ListedBase:
    return ListedBase(
        name=facts.name,
        title=facts.title,
        family=facts.family,
        clip=facts.clip,
        licence=facts.licence,
        state=state,
        place=place,
        size_bytes=size_bytes,
        room=room,
        packaged=state == "packaged",
        active=facts.name == session.settings.base,
    )
