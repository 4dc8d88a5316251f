"""`FileEntry`: one file of a build by name, digest, size and kind; a name can not leave its folder."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import Field, model_validator

from registry_schema.digests import Digest
from registry_schema.document import Document, rule
from registry_schema.names import DEVICE_NAMES
from registry_schema.text import PatternText

FileKind = Literal["weights", "preview", "receipt", "readme", "licence", "recipe", "report"]
MAX_FILE_BYTES: dict[str, int] = {
    "weights": 2 << 30,
    "preview": 64 << 20,
    "receipt": 64 << 10,
    "readme": 1 << 20,
    "licence": 1 << 20,
    "recipe": 1 << 20,
    "report": 1 << 20,
}


class FileName(PatternText):
    """One path component that means the same on every system."""

    __slots__ = ()
    what = "file name"
    pattern = r"^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9_-])?$"
    longest = 100

    @classmethod
    def complaint(cls, text: str) -> str | None:
        """See `TextValue`."""
        if re.search(r"[/\\:]", text) or text in {".", ".."}:
            return "leaves the adapter folder, expected one plain file name"
        if not cls.matches(text):
            return "is not a plain file name, expected letters, digits, `.`, `_` and `-`"
        if text.partition(".")[0].lower() in DEVICE_NAMES:
            return "is a device name on Windows, expected another name"
        return None


class FileEntry(Document):
    """One file of a build."""

    path: FileName
    digest: Digest
    size: Annotated[int, Field(ge=0, le=MAX_FILE_BYTES["weights"])]
    kind: FileKind

    @model_validator(mode="after")
    def _size_suits_kind(self) -> FileEntry:
        most = MAX_FILE_BYTES[self.kind]
        if self.size > most:
            raise rule("size", f"`{self.size}` is too large for a {self.kind} file, expected at most {most}")
        if self.kind == "weights" and not self.path.endswith(".safetensors"):
            raise rule("path", f"`{self.path}` is no safetensors file, expected weights in `NAME.safetensors`")
        return self
