"""Reading all pointers of a store as they were at one moment, without its lock."""

from __future__ import annotations

import time
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from mivactl.store.journal import read_journal
from mivactl.store.pointer import InstalledBuild, parse_pointer
from registry_schema.errors import Busy

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mivactl.store.layout import StoreLayout

_READ_ATTEMPTS: Final = 200
_READ_PAUSE_SECONDS: Final = 0.01


def read_builds(layout: StoreLayout, *, shared: bool = False) -> tuple[InstalledBuild, ...]:
    """All builds of a store, sorted by place.

    Raises:
        IntegrityProblem: a damaged pointer.
        Busy: others changed the store all the time.
    """
    for _ in range(_READ_ATTEMPTS):
        before = read_journal(layout.journal)
        with suppress(FileNotFoundError):
            builds = _read_pointers(layout, shared=shared)
            after = read_journal(layout.journal)
            if before.change == after.change:
                written = _pending(layout, before.write, shared=shared)
                kept = {place: build for place, build in builds.items() if place not in before.remove}
                return tuple(build for _, build in sorted({**kept, **written}.items()))
        time.sleep(_READ_PAUSE_SECONDS)
    raise Busy(f"store `{layout.root}` kept changing while it was read", hint="run it again")


def _read_pointers(layout: StoreLayout, *, shared: bool) -> dict[str, InstalledBuild]:
    folder = layout.installed
    builds = {}
    for path in sorted(folder.glob("*/*/*.json")):
        place = path.relative_to(folder).as_posix()
        used = path.stat().st_mtime
        last_used = datetime.fromtimestamp(used, UTC) if used > 0 else None
        builds[place] = InstalledBuild(place, parse_pointer(path.read_bytes(), place), last_used, layout, shared)
    return builds


def _pending(layout: StoreLayout, write: Mapping[str, str], *, shared: bool) -> dict[str, InstalledBuild]:
    return {
        place: InstalledBuild(place, parse_pointer(text.encode(), place), None, layout, shared)
        for place, text in write.items()
    }
