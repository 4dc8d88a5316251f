"""Keeping the store below the size a person has set, at the cost of files that nothing needs."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from mivactl.store.garbage import GarbagePolicy
from registry_schema.errors import ResourceProblem

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mivactl.content import Content
    from mivactl.session import Session
    from mivactl.store.store import Store

_NEVER: Final = datetime.min.replace(tzinfo=UTC)


def make_room(session: Session, contents: Sequence[Content]) -> None:
    """Let `contents` fit under `store_max_size`; what was used least recently goes first, what is needed stays.

    Raises:
        ResourceProblem: they do not fit beside what is needed.
        Busy: another process holds the store.
    """
    limit_bytes, store = session.settings.store_max_bytes, session.store
    if limit_bytes is None:
        return
    new_bytes = sum(
        {content.digest: content.size_bytes for content in contents if not _is_here(content, store)}.values()
    )
    if store.stored_bytes() + new_bytes > limit_bytes:
        store.collect(GarbagePolicy(max_bytes=max(0, limit_bytes - new_bytes)))
    present_bytes = store.stored_bytes()
    if present_bytes + new_bytes > limit_bytes:
        raise ResourceProblem(
            f"{new_bytes} bytes do not fit: `store_max_size` is {limit_bytes}, {present_bytes} are in use",
            hint=_way_out(session),
        )


def _is_here(content: Content, store: Store) -> bool:
    return store.layout.blob(content.digest).exists() or store.layout.manifest(content.digest).exists()


def _way_out(session: Session) -> str:
    builds = sorted(session.store.own(), key=lambda build: (build.last_used or _NEVER, build.place))
    if not builds:
        return f"raise `store_max_size` in `{session.settings.config_file}`"
    line = builds[0].line
    return (
        f"`mivactl uninstall {line.name}@=={line.version}` removes what was used least recently; "
        f"or raise `store_max_size` in `{session.settings.config_file}`"
    )
