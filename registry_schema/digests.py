"""`Digest`: what bytes are, as sha256 in 64 hex digits."""

from __future__ import annotations

import hashlib
import re
from typing import BinaryIO

from registry_schema.text import PatternText

_CHUNK = 1 << 20


class Digest(PatternText):
    """`sha256:` and 64 lower-case hex digits."""

    __slots__ = ()
    what = "digest"
    pattern = r"^sha256:[0-9a-f]{64}$"
    longest = 71

    @classmethod
    def complaint(cls, text: str) -> str | None:
        """See `TextValue`."""
        if not text.startswith("sha256:"):
            return "does not start with `sha256:`, expected `sha256:` and 64 hex digits"
        digits = text.removeprefix("sha256:")
        stray = re.search(r"[^0-9a-f]", digits)
        if stray:
            return "holds other characters than 0-9 and a-f, expected 64 hex digits"
        return None if len(digits) == 64 else f"has {len(digits)} hex digits, expected 64"

    @property
    def hex(self) -> str:
        """The 64 hex digits."""
        return self.removeprefix("sha256:")

    @classmethod
    def of(cls, data: bytes) -> Digest:
        """Digest of `data`."""
        return cls(f"sha256:{hashlib.sha256(data).hexdigest()}")

    @classmethod
    def of_stream(cls, stream: BinaryIO) -> Digest:
        """Digest of everything from where `stream` stands to its end."""
        running = hashlib.sha256()
        while chunk := stream.read(_CHUNK):
            running.update(chunk)
        return cls(f"sha256:{running.hexdigest()}")
