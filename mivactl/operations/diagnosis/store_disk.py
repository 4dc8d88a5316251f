"""Whether the disk below the store keeps its promises: permissions, hard links, locks, space."""

from __future__ import annotations

import os
import secrets
import stat
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from mivactl.disk import everything_below
from mivactl.file_lock import LockToken, system_locks_exclude
from mivactl.operations.diagnosis.finding import REPAIR, Finding

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mivactl.session import Session
    from mivactl.store.layout import StoreLayout

_FEW_BYTES: Final = 1_000_000_000
_STALE_SECONDS: Final = 600.0
OTHERS_WRITE: Final = stat.S_IWGRP | stat.S_IWOTH
ANYONE_WRITES: Final = OTHERS_WRITE | stat.S_IWUSR


def disk_findings(session: Session) -> Iterator[Finding]:
    """What is wrong with the place where the store is; a store that is not there yet has nothing wrong."""
    layout = session.store.layout
    if not layout.root.is_dir():
        return
    yield from _permissions(layout)
    yield from _held(layout)
    if os.access(layout.root, os.W_OK):
        yield from _promises(layout.root)
    else:
        yield Finding("permissions", "problem", f"`{layout.root}` can not be written", f"chmod u+rwx {layout.root}")
    yield from _space(session)


def loose_files(layout: StoreLayout) -> Iterator[tuple[Path, int]]:
    """What in the store may be written by those who should not, with the mode it should have."""
    contents = frozenset(layout.contents())
    for path in everything_below(layout.root):
        with suppress(FileNotFoundError):
            status = path.stat(follow_symlinks=False)
            wanted = status.st_mode & ~(ANYONE_WRITES if path in contents else OTHERS_WRITE)
            if not stat.S_ISLNK(status.st_mode) and path != layout.lock and wanted != status.st_mode:
                yield path, stat.S_IMODE(wanted)


def stale_token(layout: StoreLayout) -> LockToken | None:
    """The token of the store's lock, if a process of another machine has had it for long."""
    token = LockToken.of(layout.lock)
    held = token.holder()
    return token if held is not None and not held[0].is_here and held[1] > _STALE_SECONDS else None


def _permissions(layout: StoreLayout) -> Iterator[Finding]:
    loose = [path for path, _ in loose_files(layout)]
    if loose:
        more = f" and {len(loose) - 1} more" if len(loose) > 1 else ""
        yield Finding("permissions", "problem", f"`{loose[0]}`{more} can be changed by accident or by others", REPAIR)
    if os.name == "posix":
        foreign = [path for path in layout.contents() if path.lstat().st_uid not in {os.getuid(), 0}]
        if foreign:
            message = f"`{foreign[0]}` belongs to another user, who can change it"
            yield Finding("permissions", "problem", message, f"sudo chown -R {os.getuid()} {layout.root}")


def _held(layout: StoreLayout) -> Iterator[Finding]:
    token = stale_token(layout)
    held = token.holder() if token else None
    if held is not None:
        owner, seconds = held
        message = f"{owner.words} holds the store for {seconds / 60:.0f} min; if that machine is off, let go"
        yield Finding("lock", "problem", message, REPAIR)


def _promises(root: Path) -> Iterator[Finding]:
    move = "export MIVACTL_HOME=~/.local/share/mivactl"
    if not _has_hard_links(root):
        message = f"the disk of `{root}` has no hard links: files are copied where a second name would do"
        yield Finding("hard links", "note", message, move)
    if not system_locks_exclude(root):
        message = f"locks of the disk of `{root}` keep nobody out: changes rest on renaming alone"
        yield Finding("locks", "note", message, move)


def _has_hard_links(root: Path) -> bool:
    one, two = (root / f".probe.json.{secrets.token_hex(6)}" for _ in range(2))
    try:
        one.touch()
        os.link(one, two)
    except (OSError, NotImplementedError):
        return False
    finally:
        for path in (one, two):
            path.unlink(missing_ok=True)
    return True


def _space(session: Session) -> Iterator[Finding]:
    status = os.statvfs(session.store.layout.root)
    free_bytes = status.f_bavail * status.f_frsize
    if free_bytes < _FEW_BYTES:
        yield Finding("space", "note", f"the disk has {free_bytes} bytes free", "mivactl cache clear")
    limit, stored = session.settings.store_max_bytes, session.store.stored_bytes()
    if limit is not None and stored > limit:
        message = f"the store has {stored} bytes, `store_max_size` is {limit}"
        yield Finding("space", "note", message, "mivactl gc")
