"""What may be attached to a build: a preview, a report in JSON, the numbers of a run of `bench`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from mivactl.operations.draft import check_preview
from mivactl.operations.outgoing import require_no_token
from mivactl.preview_metadata.strip import stripped
from registry_schema import strict_json
from registry_schema.digests import Digest
from registry_schema.errors import Busy, IntegrityProblem, NotFound, UsageProblem
from registry_schema.files import MAX_FILE_BYTES, FileEntry

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from registry_schema.files import FileKind

NUMBERS: Final = "summary.json"


@dataclass(frozen=True)
class Attachable:
    """A file as it goes out.

    Attributes:
        entry: its name there, digest, size and kind.
        content: its bytes.
        stripped: whether it lost metadata.
        measured: digests of the weights that it has numbers of; None for what says nothing of that.
    """

    entry: FileEntry
    content: bytes
    stripped: bool = False
    measured: frozenset[str] | None = None


def attachable_preview(path: Path) -> Attachable:
    """A picture or a clip without its metadata.

    Raises:
        NotFound: no such file.
        UsageProblem: no preview, a broken one, or too large.
        Refused: it holds a token.
    """
    content = _read(path, "preview")
    check_preview(path)
    clean = stripped(content, name=path.name)
    require_no_token(clean, name=path.name)
    return Attachable(_entry(path, path.name, clean, "preview"), clean, stripped=clean != content)


def attachable_report(path: Path) -> Attachable:
    """A report in JSON; of the folder of a run of `bench`, its numbers as `bench-SUITE.json`.

    Raises:
        NotFound: no such file, or a folder without a finished run.
        UsageProblem: too large.
        SchemaError: not JSON.
        Refused: it holds a token.
    """
    if path.is_dir():
        return _run_report(path)
    content, _ = _read_report(path)
    return Attachable(_entry(path, path.name, content, "report"), content)


def _run_report(folder: Path) -> Attachable:
    path = folder / NUMBERS
    if not path.exists():
        raise NotFound(
            f"`{folder}` holds no finished run of `mivactl bench`",
            hint=f"`mivactl bench --suite NAME -o {folder}` makes or finishes one",
        )
    content, numbers = _read_report(path)
    match numbers:
        case {"suite": str(suite), "adapters": dict(adapters)}:
            entry = _entry(path, f"bench-{suite}.json", content, "report")
            return Attachable(entry, content, measured=frozenset(adapters))
        case _:
            raise UsageProblem(
                f"`{path}` does not say which adapters were measured",
                hint="run the same `mivactl bench` again: clips that are there are kept",
            )


def _read_report(path: Path) -> tuple[bytes, object]:
    content = _read(path, "report")
    parsed = strict_json.parse(content, max_bytes=MAX_FILE_BYTES["report"], source=str(path))
    require_no_token(content, name=path.name)
    return content, parsed


def require_measured(reports: Iterable[Attachable], weights: Digest) -> None:
    """Return when every run among `reports` has clips made with these weights; raises `IntegrityProblem`."""
    for report in reports:
        if report.measured is not None and str(weights) not in report.measured:
            raise IntegrityProblem(
                f"`{report.entry.path}` has no clip made with these weights, expected `{weights}` among those measured",
                hint="give the folder of a run that this adapter took part in",
            )


def require_free(attachables: Sequence[Attachable], taken: Iterable[str], *, build: str) -> None:
    """Return unless two files of a build would have one name; raises `Busy`."""
    names = [one.entry.path for one in attachables]
    published = set(taken)
    twice = next((name for name in names if name in published or names.count(name) > 1), None)
    if twice is not None:
        raise Busy(
            f"{build} has a file `{twice}` already",
            hint="what is published never changes: give the file another name",
        )


def _read(path: Path, kind: FileKind) -> bytes:
    if path.is_symlink() or not path.is_file():
        raise NotFound(f"no file `{path}`", hint="give the path of a plain file")
    if path.stat().st_size > MAX_FILE_BYTES[kind]:
        raise UsageProblem(
            f"`{path}` is {path.stat().st_size} bytes long, a {kind} {MAX_FILE_BYTES[kind]} at most",
            hint="make it smaller",
        )
    return path.read_bytes()


def _entry(path: Path, name: str, content: bytes, kind: FileKind) -> FileEntry:
    described = {"path": name, "digest": Digest.of(content), "size": len(content), "kind": kind}
    return FileEntry.of(described, source=str(path))
