"""The last look at files before they are published: previews lose their metadata, and no token goes out."""

from __future__ import annotations

import re
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from mivactl.preview_metadata.strip import stripped
from mivactl.scrubber import TOKEN_SHAPES, known_secrets
from registry_schema.errors import Refused

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mivactl.operations.draft import Draft

_SHAPES: Final = {what: re.compile(shape.encode()) for what, shape in TOKEN_SHAPES.items()}
_HEADER_BYTES_MAX: Final = (2 << 20) + 8


@dataclass(frozen=True)
class Outgoing:
    """The files of a draft as they go out, by name; which of them lost metadata; what a person should know.

    A preview without metadata is a copy that lives as long as the block it was made for.
    """

    paths: dict[str, Path]
    stripped: tuple[str, ...]
    warnings: tuple[str, ...]


@contextmanager
def outgoing(draft: Draft) -> Iterator[Outgoing]:
    """The files of `draft` as they may go out.

    Raises:
        Refused: one of them holds a token.
        UsageProblem: a broken preview.
    """
    with tempfile.TemporaryDirectory(prefix="mivactl-") as folder:
        paths = {name: draft.folder / name for name in draft.files}
        changed = []
        for name, kind in draft.files.items():
            if kind != "preview":
                continue
            content = paths[name].read_bytes()
            clean = stripped(content, name=name)
            if clean != content:
                paths[name] = Path(folder) / name
                paths[name].write_bytes(clean)
                changed.append(name)
        warnings = [warning for name, path in paths.items() if (warning := _looked_through(name, path, draft))]
        yield Outgoing(paths, tuple(changed), tuple(warnings))


def require_no_token(content: bytes, *, name: str) -> None:
    """Return unless `content` holds something that is, or looks like, a token; raises `Refused`, which hides it."""
    for what, shape in _SHAPES.items():
        found = shape.search(content)
        if found is not None:
            line = content.count(b"\n", 0, found.start()) + 1
            raise _refused(name, what, line)
    for secret in known_secrets():
        place = content.find(secret.encode())
        if place >= 0:
            raise _refused(name, "a token of yours", content.count(b"\n", 0, place) + 1)


def _looked_through(name: str, path: Path, draft: Draft) -> str:
    """A line about a file that names the home folder; raises for one that holds a token."""
    with path.open("rb") as file:
        # of weights only the header is text
        content = file.read(_HEADER_BYTES_MAX) if draft.files[name] == "weights" else file.read()
    require_no_token(content, name=name)
    home = str(Path.home()).encode()
    if len(home) > 1 and draft.files[name] != "weights" and home + b"/" in content:
        return f"`{name}` names your home folder `{home.decode(errors='replace')}`: everybody will see it"
    return ""


def _refused(name: str, what: str, line: int) -> Refused:
    return Refused(
        f"`{name}` holds {what} in line {line}, and would show it to everybody",
        hint="take it out, and make a new one where it is from: this one may have been seen",
    )
