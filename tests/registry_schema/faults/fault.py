"""What a fault is, and how it gets into a valid document."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

ABSENT = object()
NEWER = "written by a newer mivactl: run `pip install --upgrade mivactl`"


@dataclass(frozen=True)
class Fault:
    """One file with one fault; `change` puts it into the bytes of a valid document."""

    file: str
    change: Callable[[bytes], bytes]
    message: str
    hint: str | None = None


def put(*place: str | int, value: Any) -> Callable[[bytes], bytes]:
    """Change one value of a JSON document; `ABSENT` removes it."""

    def change(data: bytes) -> bytes:
        document = json.loads(data)
        here = document
        for step in place[:-1]:
            here = here[step]
        if value is ABSENT:
            del here[place[-1]]
        else:
            here[place[-1]] = value
        if data.count(b"\n") > 1:
            return (json.dumps(document, ensure_ascii=False, sort_keys=True, indent=2) + "\n").encode()
        return (json.dumps(document, ensure_ascii=False, sort_keys=True, separators=(",", ":")) + "\n").encode()

    return change


def swap(old: bytes, new: bytes) -> Callable[[bytes], bytes]:
    """Replace text that occurs once."""

    def change(data: bytes) -> bytes:
        assert data.count(old) == 1, (old, data.count(old))
        return data.replace(old, new)

    return change
