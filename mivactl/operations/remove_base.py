"""Remove a base from this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mivactl.operations.sealed_base import require_own_name, shelf_of
from registry_schema.errors import NotFound

if TYPE_CHECKING:
    from pathlib import Path

    from mivactl.session import Session
    from registry_schema.names import BaseName


def remove_base(name: BaseName, session: Session) -> int:
    """Take a base away, and what an unfinished fetch of it left; says how many bytes that frees.

    Adapters stay installed.

    Raises:
        UsageProblem: it comes with mivactl.
        NotFound: it is not here.
    """
    require_own_name(name)
    shelf = shelf_of(session)
    place, stage = shelf.place_of(name), shelf.stage_of(name)
    if not place.exists() and not stage.exists():
        raise NotFound(f"no base `{name}` of yours on this machine", hint="`mivactl base list` shows the bases")
    with shelf.locked(name):
        freed_bytes = _size(place) + _size(stage)
        shelf.discard(name)
        if place.exists():
            shelf.remove(name)
    return freed_bytes


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
