"""`Store`: the builds on this machine, and the only door to change them."""

from __future__ import annotations

import os
import time
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from mivactl.content import content_of_file
from mivactl.crash_point import crash_point
from mivactl.disk import disk_errors
from mivactl.file_lock import locked
from mivactl.store.commit import carry_out, recover
from mivactl.store.journal import read_journal
from mivactl.store.layout import StoreLayout
from mivactl.store.pointer import FileGuard, InstalledBuild, parse_pointer
from mivactl.store.transaction import Transaction, discard, discard_abandoned, new_staging
from registry_schema.digests import Digest
from registry_schema.errors import Busy, IntegrityProblem
from registry_schema.manifest import Manifest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from registry_schema.files import FileEntry

_READ_ATTEMPTS: Final = 200
_READ_PAUSE_SECONDS: Final = 0.01


class Store:
    """What is installed below one folder. Reading needs no lock and writes nothing.

    Args:
        root: the folder; it need not exist yet.
        lock_timeout: seconds a change waits for another process.
    """

    def __init__(self, root: Path, *, lock_timeout: float = 60.0) -> None:
        self.layout = StoreLayout(root)
        self._lock_timeout = lock_timeout

    def installed(self) -> tuple[InstalledBuild, ...]:
        """All installed builds, as they were at one moment.

        Raises:
            IntegrityProblem: a damaged pointer.
            Busy: others changed the store all the time.
        """
        for _ in range(_READ_ATTEMPTS):
            before = read_journal(self.layout.journal)
            with suppress(FileNotFoundError):
                builds = self._read_pointers()
                after = read_journal(self.layout.journal)
                if before.change == after.change:
                    return _with_pending(builds, before.write, before.remove)
            time.sleep(_READ_PAUSE_SECONDS)
        raise Busy(f"store `{self.layout.root}` kept changing while it was read", hint="run it again")

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """One change of the store: made when the block ends, dropped when it raises.

        Raises:
            Busy: another process holds the store.
            UsageProblem, ResourceProblem: the disk does not take it.
        """
        staging = new_staging(self.layout)
        try:
            transaction = Transaction(self.layout, staging)
            yield transaction
            change = transaction.change()
            with self._locked():
                crash_point("store.locked")
                discard_abandoned(self.layout)
                with disk_errors(self.layout.root):
                    carry_out(self.layout, change)
        finally:
            discard(staging)

    def manifest(self, digest: Digest) -> Manifest:
        """The manifest with `digest`.

        Raises:
            IntegrityProblem: it is missing or was changed.
        """
        path = self.layout.manifest(digest)
        try:
            content = path.read_bytes()
        except FileNotFoundError as error:
            raise _damaged(f"the store has no manifest `{digest}`") from error
        if Digest.of(content) != digest:
            raise _damaged(f"manifest `{path}` of the store was changed")
        return Manifest.parse(content)

    def file(self, build: InstalledBuild, entry: FileEntry) -> Path:
        """The path of one file of an installed build, hashed again if it does not look as it did.

        Raises:
            IntegrityProblem: it is missing or was changed.
        """
        path = self.layout.blob(entry.digest)
        name = f"{build.line.name} {build.line.version}"
        try:
            looks_the_same = FileGuard.of_file(path) == build.pointer.guards.get(str(entry.digest))
            intact = looks_the_same or content_of_file(path, name).digest == entry.digest
        except FileNotFoundError as error:
            raise _damaged(f"{name}: `{entry.path}` is missing from the store", build) from error
        if not intact or path.is_symlink():
            raise _damaged(f"{name}: `{entry.path}` in the store was changed", build)
        return path

    def looks_intact(self, build: InstalledBuild) -> bool:
        """Whether every file of a build is there and looks as when its digest was checked; nothing is hashed."""
        for text, guard in build.pointer.guards.items():
            digest = Digest(text)
            is_manifest = digest == build.line.manifest.digest
            path = self.layout.manifest(digest) if is_manifest else self.layout.blob(digest)
            try:  # asked once: another process may uninstall the build at any time
                found = FileGuard.of_file(path)
            except FileNotFoundError:
                return False
            if found != guard or not path.is_file():
                return False
        return True

    def mark_used(self, build: InstalledBuild) -> None:
        """Remember that `build` was used now; a store that can not be written goes without."""
        with suppress(OSError):
            os.utime(self.layout.installed / build.place)

    def finish_interrupted_change(self) -> None:
        """Carry out what a process that was killed had committed."""
        if read_journal(self.layout.journal).pending:
            with self._locked(), disk_errors(self.layout.root):
                recover(self.layout)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        resource = f"store `{self.layout.root}`"
        with locked(self.layout.lock, resource=resource, timeout_seconds=self._lock_timeout):
            yield

    def _read_pointers(self) -> dict[str, InstalledBuild]:
        folder = self.layout.installed
        builds = {}
        for path in sorted(folder.glob("*/*/*.json")):
            place = path.relative_to(folder).as_posix()
            used = path.stat().st_mtime
            last_used = datetime.fromtimestamp(used, UTC) if used > 0 else None
            builds[place] = InstalledBuild(place, parse_pointer(path.read_bytes(), place), last_used)
        return builds


def _with_pending(
    builds: dict[str, InstalledBuild], write: Mapping[str, str], remove: tuple[str, ...]
) -> tuple[InstalledBuild, ...]:
    written = {place: InstalledBuild(place, parse_pointer(text.encode(), place), None) for place, text in write.items()}
    kept = {place: build for place, build in builds.items() if place not in remove}
    return tuple(build for _, build in sorted({**kept, **written}.items()))


def _damaged(message: str, build: InstalledBuild | None = None) -> IntegrityProblem:
    if build is None:
        return IntegrityProblem(message, hint="run `mivactl verify` to see what is damaged")
    line = build.line
    switches = f"--reinstall --base {line.base.name}{' --masked' if line.masked else ''}"
    return IntegrityProblem(message, hint=f"run `mivactl install {switches} {line.name}@=={line.version}`")
