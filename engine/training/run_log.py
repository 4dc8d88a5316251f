"""The JSONL log of a run: one line for each step, cut back to the saved state on resume, so that steps only grow."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from types import TracebackType

LogValue = int | float | str | bool | None


class RunLog:
    """Appends records to `path`.

    Args:
        path: of the log; made if missing.
        keep_bytes: what the saved state had seen of the log; anything behind it belongs to lost steps.
    """

    def __init__(self, path: Path, *, keep_bytes: int) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("ab")
        if self._file.tell() > keep_bytes:
            self._file.truncate(keep_bytes)
            self._file.seek(keep_bytes)

    def write(self, record: Mapping[str, LogValue]) -> None:
        """Adds one line; a reader sees it at once."""
        line = json.dumps(dict(record), allow_nan=False, sort_keys=True)
        self._file.write(line.encode() + b"\n")
        self._file.flush()

    def sync(self) -> int:
        """The size in bytes, once they are on the disk."""
        os.fsync(self._file.fileno())
        return self._file.tell()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()
