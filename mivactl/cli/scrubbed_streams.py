"""stdout and stderr without secrets, whoever writes to them: commands, libraries, logs, warnings, tracebacks."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TextIO, cast

from mivactl.scrubber import scrub

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


class ScrubbedStream:
    """A text stream that strikes secrets out of each piece that is written; all else is the stream's own."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write `text` without its secrets; the length is that of `text`, as writers expect."""
        self._stream.write(scrub(text))
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        """Write each line without its secrets."""
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the stream has
        return getattr(self._stream, name)


@contextmanager
def scrubbed_streams() -> Iterator[None]:
    """While inside, no secret gets out through stdout or stderr."""
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = (cast(TextIO, ScrubbedStream(stream)) for stream in before)
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before
