"""The folder of one run belongs to one process, and to one run."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from engine.training.trainer import CHECKPOINTS_NAME, LOG_NAME
from registry_schema.errors import Busy

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LOCK_NAME = ".lock"


@contextmanager
def claim_run_folder(folder: Path, *, resume: bool) -> Iterator[None]:
    """Nobody else trains in `folder` while the block runs.

    Raises:
        Busy: another process trains there, or it holds an earlier run and `resume` is off.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / LOCK_NAME, blocking=False)
    try:
        lock.acquire()
    except Timeout as problem:
        raise Busy(f"another process trains in `{folder}`", hint="wait for it, or choose another folder") from problem
    try:
        if not resume and _holds_a_run(folder):
            raise Busy(
                f"`{folder}` holds an earlier run", hint="pass `--resume` to go on with it, or choose another folder"
            )
        yield
    finally:
        lock.release()


def _holds_a_run(folder: Path) -> bool:
    checkpoints = folder / CHECKPOINTS_NAME
    saved = checkpoints.is_dir() and any(checkpoints.glob("step-*"))
    return saved or (folder / LOG_NAME).exists()
