"""The bases on this machine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mivactl.session import Session
    from registry_schema.clip_shape import ClipShape


@dataclass(frozen=True)
class ListedBase:
    """One base: what it is, where it is, and whether it is the one the settings name."""

    name: str
    title: str
    family: str
    clip: ClipShape
    licence: str
    place: str
    packaged: bool
    active: bool


def list_bases(session: Session) -> tuple[ListedBase, ...]:
    """All bases, by name."""
    return tuple(
        ListedBase(
            name=known.spec.name,
            title=known.spec.title,
            family=known.spec.family,
            clip=known.spec.clip,
            licence=known.spec.licence,
            place=str(known.folder),
            packaged=known.packaged,
            active=known.spec.name == session.settings.base,
        )
        for known in sorted(session.bases, key=lambda known: known.spec.name)
    )
