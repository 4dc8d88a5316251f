"""`Store`: the builds on this machine, and the only door to change them."""

from __future__ import annotations

import os
import time
from contextlib import contextmanager, suppress
from functools import cached_property
from typing import TYPE_CHECKING

from mivactl.crash_point import crash_point
from mivactl.disk import disk_errors
from mivactl.file_lock import locked
from mivactl.ownership import Owner
from mivactl.store.commit import carry_out, recover
from mivactl.store.garbage import find_garbage, stored_bytes
from mivactl.store.journal import read_journal
from mivactl.store.layout import StoreLayout
from mivactl.store.needed import mark_in_use
from mivactl.store.plain_files import make_private, open_plain
from mivactl.store.pointer import FileGuard
from mivactl.store.projects import read_projects, write_projects
from mivactl.store.reading import read_builds
from mivactl.store.transaction import Transaction, abandoned_staging, discard, new_staging
from registry_schema.digests import Digest
from registry_schema.errors import IntegrityProblem
from registry_schema.manifest import Manifest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from mivactl.store.garbage import Garbage, GarbagePolicy
    from mivactl.store.pointer import InstalledBuild
    from registry_schema.files import FileEntry


class Store:
    """What is installed below one folder. Reading needs no lock and writes nothing.

    Args:
        root: the folder; it need not exist yet.
        lock_timeout: seconds a change waits for another process.
        shared: folders of stores whose builds are used where they lie; they are never written.
    """

    def __init__(self, root: Path, *, lock_timeout: float = 60.0, shared: Sequence[Path] = ()) -> None:
        self.layout = StoreLayout(root)
        self.shared = tuple(StoreLayout(folder) for folder in shared)
        self._lock_timeout = lock_timeout

    @cached_property
    def _owner(self) -> Owner:
        return Owner.new()

    def installed(self) -> tuple[InstalledBuild, ...]:
        """All builds, this store's own before those of shared stores, each as they were at one moment.

        Raises:
            IntegrityProblem: a damaged pointer.
            Busy: others changed the store all the time.
        """
        found = {build.place: build for build in self.own()}
        for layout in self.shared:
            for build in read_builds(layout, shared=True):
                found.setdefault(build.place, build)
        return tuple(build for _, build in sorted(found.items()))

    def own(self) -> tuple[InstalledBuild, ...]:
        """The builds that this store has itself; raises as `installed`."""
        return read_builds(self.layout)

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
                for abandoned in abandoned_staging(self.layout, time.time()):
                    discard(abandoned)
                with disk_errors(self.layout.root):
                    carry_out(self.layout, change)
        finally:
            discard(staging)

    def collect(self, policy: GarbagePolicy, *, dry_run: bool = False) -> tuple[Garbage, ...]:
        """Remove what nothing needs, or only say what that is.

        Raises:
            IntegrityProblem: damage, so that nobody can tell what is needed.
            Busy: another process holds the store.
        """
        if dry_run or not self.layout.root.is_dir():
            return find_garbage(self.layout, policy)
        with self._locked(), disk_errors(self.layout.root):
            crash_point("gc.locked")
            recover(self.layout)
            garbage = find_garbage(self.layout, policy)
            crash_point("gc.marked")
            for piece in garbage:
                piece.remove()
                crash_point("gc.piece-removed")
        crash_point("gc.swept")
        return garbage

    def stored_bytes(self) -> int:
        """Bytes of all files named by digest, needed or not."""
        return stored_bytes(self.layout)

    def keep_for_project(self, lock: Path, manifests: Iterable[Digest]) -> None:
        """Keep the builds that a project's lock names, installed or not, as long as the file `lock` is there.

        Raises:
            Busy: another process holds the store.
        """
        with disk_errors(self.layout.root):
            make_private(self.layout.root, self.layout.root)
        with self._locked(), disk_errors(self.layout.projects):
            known = read_projects(self.layout.projects)
            write_projects(self.layout.projects, known.with_project(lock.absolute(), manifests))

    def kept_for_projects(self) -> frozenset[Digest]:
        """The manifests that locks of projects name; raises `SchemaError` if the list of them is damaged."""
        return read_projects(self.layout.projects).manifests()

    def manifest(self, digest: Digest) -> Manifest:
        """The manifest with `digest`, of this store or a shared one.

        Raises:
            IntegrityProblem: it is missing or was changed.
        """
        for layout in (self.layout, *self.shared):
            path = layout.manifest(digest)
            try:
                with open_plain(path, layout.root) as file:
                    content = file.read(Manifest.MAX_BYTES + 1)
            except FileNotFoundError:
                continue
            if Digest.of(content) != digest:
                raise _damaged(f"manifest `{path}` of the store was changed")
            return Manifest.parse(content)
        raise _damaged(f"the store has no manifest `{digest}`")

    def file(self, build: InstalledBuild, entry: FileEntry) -> Path:
        """The path of one file of an installed build; it is hashed each time, which takes 0.1 s for 150 MB.

        Raises:
            IntegrityProblem: it is missing or was changed, or a symbolic link leads to it.
        """
        path = build.layout.blob(entry.digest)
        name = f"{build.line.name} {build.line.version}"
        try:
            with open_plain(path, build.layout.root) as file:
                found = Digest.of_stream(file)
        except FileNotFoundError as error:
            raise _damaged(f"{name}: `{entry.path}` is missing from the store", build) from error
        if found != entry.digest:
            raise _damaged(f"{name}: `{entry.path}` in the store was changed", build)
        return path

    def looks_intact(self, build: InstalledBuild) -> bool:
        """Whether every file of a build is there and looks as when its digest was checked; nothing is hashed."""
        for text, guard in build.pointer.guards.items():
            digest = Digest(text)
            is_manifest = digest == build.line.manifest.digest
            path = build.layout.manifest(digest) if is_manifest else build.layout.blob(digest)
            try:  # asked once: another process may uninstall the build at any time
                with open_plain(path, build.layout.root) as file:
                    found = FileGuard.of_status(os.fstat(file.fileno()))
            except (OSError, IntegrityProblem):
                return False
            if found != guard:
                return False
        return True

    def mark_used(self, build: InstalledBuild) -> None:
        """Remember that this process uses `build` now: its files stay while it lives.

        A store that can not be written goes without, and one of others is never written.
        """
        if build.shared:
            return
        with suppress(OSError):
            make_private(self.layout.verdicts, self.layout.root)
            mark_in_use(self.layout, self._owner, build.pointer.guards)
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


def _damaged(message: str, build: InstalledBuild | None = None) -> IntegrityProblem:
    if build is None:
        return IntegrityProblem(message, hint="run `mivactl verify` to see what is damaged")
    line = build.line
    switches = f"--reinstall --base {line.base.name}{' --masked' if line.masked else ''}"
    return IntegrityProblem(message, hint=f"run `mivactl install {switches} {line.name}@=={line.version}`")
