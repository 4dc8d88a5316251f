"""One writer at a time, between processes, with an error that says who holds what."""

from __future__ import annotations

import os
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from mivactl.disk import disk_errors
from registry_schema.errors import Busy

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def locked(path: Path, *, resource: str, timeout_seconds: float) -> Iterator[None]:
    """Hold the lock file `path` while inside.

    Args:
        path: the lock file; it stays behind, empty. `<path>.holder` names the process that has it.
        resource: what is protected, in words, for the message.
        timeout_seconds: how long to wait for another process.

    Raises:
        Busy: another process kept it all that time.
    """
    import platform

    from filelock import FileLock, Timeout

    with disk_errors(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(path, timeout=timeout_seconds, mode=0o666)
    holder = path.with_name(f"{path.name}.holder")
    with disk_errors(path):
        try:
            lock.acquire()
        except Timeout as error:
            raise Busy(
                f"{resource} is in use by {_read_holder(holder)}, waited {timeout_seconds:g} s",
                hint="run it again when that has finished, or wait longer with `MIVACTL_LOCK_TIMEOUT=300`",
            ) from error
    try:
        with suppress(OSError):
            holder.write_text(f"process {os.getpid()} on {platform.node()}\n", encoding="utf-8")
        yield
    finally:
        with suppress(OSError):
            holder.unlink()
        lock.release()


def _read_holder(holder: Path) -> str:
    try:
        return holder.read_text(encoding="utf-8").strip() or "another process"
    except OSError:
        return "another process"
