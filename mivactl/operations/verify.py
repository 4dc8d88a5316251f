"""Hash what is installed again, and say what is missing and what was changed."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from mivactl.engine_bridge import SilentProgress
from mivactl.operations.header_check import check_header
from mivactl.operations.uninstall import installed_builds
from mivactl.registry.registry import STARTER
from mivactl.store.plain_files import open_plain
from mivactl.trust.publishers import check_publisher
from registry_schema.digests import Digest
from registry_schema.errors import IntegrityProblem, MivaError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import BinaryIO

    from mivactl.engine_bridge import Progress
    from mivactl.session import Session
    from mivactl.store.pointer import InstalledBuild
    from registry_schema.files import FileEntry
    from registry_schema.manifest import Manifest
    from registry_schema.ref import AdapterRef

ProblemKind = Literal["missing", "changed", "unsound", "not vouched for"]


@dataclass(frozen=True)
class StoreProblem:
    """A file of an installed build that is not what it should be."""

    name: str
    version: str
    base: str
    masked: bool
    file: str
    kind: ProblemKind
    detail: str


@dataclass(frozen=True)
class Verification:
    """How many builds and bytes were looked at, what was found, and how many builds nobody signed."""

    build_count: int
    size_bytes: int
    problems: tuple[StoreProblem, ...]
    unsigned_count: int = 0


def verify(
    refs: Sequence[AdapterRef], session: Session, *, base: str | None = None, progress: Progress | None = None
) -> Verification:
    """Hash every file of the installed builds that `refs` mean; of all of them without refs.

    Raises:
        NotFound: one of them is not installed.
    """
    session.store.finish_interrupted_change()
    builds = installed_builds(refs, session, base=base)
    problems: list[StoreProblem] = []
    size_bytes = sum(guard.size for build in builds for guard in build.pointer.guards.values())
    with (progress or SilentProgress()).phase("verify", size_bytes) as phase:
        for build in builds:
            problems.extend(check_build(build, session))
            phase.advance(sum(guard.size for guard in build.pointer.guards.values()))
    unsigned = [build for build in builds if build.pointer.registry != STARTER and not _signatures(build, session)]
    return Verification(len(builds), size_bytes, tuple(problems), len(unsigned))


def require_sound(verification: Verification) -> None:
    """Raise what `verify` found.

    Raises:
        IntegrityProblem: there is a problem.
    """
    if not verification.problems:
        return
    first = verification.problems[0]
    more = f", and {len(verification.problems) - 1} more" if len(verification.problems) > 1 else ""
    masked = " --masked" if first.masked else ""
    hint = f"run `mivactl install --reinstall --base {first.base}{masked} {first.name}@=={first.version}`"
    if first.kind == "not vouched for":
        hint = "ask its publisher; `mivactl keys list` shows whom you trust for which namespace"
    raise IntegrityProblem(
        f"{first.name} {first.version}: `{first.file}` is {first.kind}: {first.detail}{more}", hint=hint
    )


def check_build(build: InstalledBuild, session: Session) -> tuple[StoreProblem, ...]:
    """What is wrong with the files of a build; nothing is with one that was uninstalled meanwhile."""
    problems = tuple(_problems(build, session))
    return problems if problems and _is_still_there(build, session) else ()


def _is_still_there(build: InstalledBuild, session: Session) -> bool:
    digest = build.line.manifest.digest
    return any(
        other.place == build.place and other.line.manifest.digest == digest for other in session.store.installed()
    )


def _problems(build: InstalledBuild, session: Session) -> Iterator[StoreProblem]:
    line = build.line
    try:
        manifest = session.store.manifest(line.manifest.digest)
    except IntegrityProblem as error:
        there = os.path.lexists(build.layout.manifest(line.manifest.digest))
        yield _problem(build, "miva.json", "changed" if there else "missing", error.message)
        return
    if manifest.key != line.key:
        yield _problem(build, "miva.json", "changed", f"it describes `{manifest.name}` {manifest.key.tag}")
    yield from _check_signatures(build, session)
    for entry in manifest.files:
        yield from _check_file(build, manifest, entry)


def _check_signatures(build: InstalledBuild, session: Session) -> Iterator[StoreProblem]:
    """Whether those who signed still speak for the namespace; what nobody signed when it came is only counted."""
    digest, signatures = build.line.manifest.digest, _signatures(build, session)
    if signatures is None:
        return
    try:
        content = build.layout.manifest(digest).read_bytes()
        check_publisher(build.line.name, content, signatures, session.trust.publishers(), required=False)
    except FileNotFoundError:
        yield _problem(build, "miva.json", "missing", "the store does not have it")
    except IntegrityProblem as error:
        yield _problem(build, "miva.json", "not vouched for", error.message)


def _signatures(build: InstalledBuild, session: Session) -> bytes | None:
    return session.trust.signatures(build.line.manifest.digest)


def _check_file(build: InstalledBuild, manifest: Manifest, entry: FileEntry) -> Iterator[StoreProblem]:
    try:
        with open_plain(build.layout.blob(entry.digest), build.layout.root) as file:
            found = Digest.of_stream(file)
            if found != entry.digest:
                yield _problem(
                    build, entry.path, "changed", f"digest is `{found}`, its manifest states `{entry.digest}`"
                )
            elif entry.kind == "weights":
                yield from _check_weights(build, manifest, entry, file)
    except FileNotFoundError:
        yield _problem(build, entry.path, "missing", "the store does not have it")
    except IntegrityProblem as error:
        yield _problem(build, entry.path, "changed", error.message)


def _check_weights(
    build: InstalledBuild, manifest: Manifest, entry: FileEntry, file: BinaryIO
) -> Iterator[StoreProblem]:
    file.seek(0)
    try:
        check_header(file, manifest, label=entry.path)
    except MivaError as error:
        yield _problem(build, entry.path, "unsound", error.message)


def _problem(build: InstalledBuild, file: str, kind: ProblemKind, detail: str) -> StoreProblem:
    line = build.line
    return StoreProblem(line.name, str(line.version), line.base.name, line.masked, file, kind, detail)
