"""Named places where a test may end the process, to prove that nothing is left half done.

For tests only: with `MIVACTL_CRASH_AT=<name>` in the environment the process ends at that place as if it had been
killed: no cleanup, no buffers written, exit status 137.
"""

from __future__ import annotations

import os
from typing import Final, Literal, get_args

CrashPoint = Literal[
    "store.blob-half-written",
    "store.blob-staged",
    "store.all-staged",
    "store.locked",
    "store.blob-placed",
    "store.all-placed",
    "store.committed",
    "store.pointer-changed",
    "store.applied",
    "store.swept",
    "gc.locked",
    "gc.marked",
    "gc.piece-removed",
    "gc.swept",
    "registry.blob-half-written",
    "registry.blob-placed",
    "registry.manifest-placed",
    "registry.index-staged",
    "registry.index-placed",
    "registry.catalog-placed",
    "lock.staged",
    "lock.placed",
    "gallery.staged",
    "gallery.file-placed",
    "hub.committed",
]
CRASH_POINTS: Final[tuple[str, ...]] = get_args(CrashPoint)
VARIABLE: Final = "MIVACTL_CRASH_AT"


def crash_point(name: CrashPoint) -> None:
    """End the process here if the environment names this point; else nothing happens."""
    if os.environ.get(VARIABLE) == name:
        os._exit(137)
