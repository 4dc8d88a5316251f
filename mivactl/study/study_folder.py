"""The folder of a study: the key beside the page that is shown, and the answers.

study.json        which method is behind which clip; never shown
page/             what viewers see: index.html, clips/, pictures/
answers.sqlite3   what they said, once the study was served
"""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from mivactl.disk import disk_errors, sync_folder, write_durably
from mivactl.study.documents import StudyKey
from registry_schema.errors import Busy, NotFound, UsageProblem

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_KEY: Final = "study.json"
_STAGED: Final = ".study-in-the-making"


@dataclass(frozen=True)
class StudyFolder:
    """Where the parts of a study are."""

    root: Path

    @property
    def key_file(self) -> Path:
        """What is behind each clip."""
        return self.root / _KEY

    @property
    def page(self) -> Path:
        """What viewers see."""
        return self.root / "page"

    @property
    def answers(self) -> Path:
        """What they said."""
        return self.root / "answers.sqlite3"

    @property
    def report(self) -> Path:
        """What it comes to."""
        return self.root / "report.html"

    def read_key(self) -> StudyKey:
        """The study itself.

        Raises:
            NotFound: there is none in this folder.
            SchemaError: its key is damaged.
        """
        if not self.key_file.is_file():
            raise NotFound(
                f"`{self.root}` holds no study", hint="build one: `mivactl study new RUN --preset paper-single -o DIR`"
            )
        with self.key_file.open("rb") as file:
            return StudyKey.parse(file.read(StudyKey.MAX_BYTES + 1), source=str(self.key_file))


@contextmanager
def new_study_folder(root: Path) -> Iterator[StudyFolder]:
    """A folder to put a study in; it is at `root` when the block has ended well, and nowhere otherwise.

    Raises:
        Busy: a study is there already.
        UsageProblem: something else is there, or the place can not be written.
        ResourceProblem: the disk is full.
    """
    check_free(root)
    staged = root.with_name(f"{root.name}{_STAGED}")
    with disk_errors(root):
        root.parent.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(staged, ignore_errors=True)
        staged.mkdir()
        try:
            made = StudyFolder(staged)
            made.page.mkdir()
            yield made
            check_free(root)
            if root.exists():
                root.rmdir()
            staged.rename(root)
            sync_folder(root.parent)
        finally:
            shutil.rmtree(staged, ignore_errors=True)


def check_free(root: Path) -> None:
    """Raise unless `root` is an empty folder or not there: answers are never written over."""
    if not root.exists():
        return
    if not root.is_dir():
        raise UsageProblem(f"`{root}` is a file, expected a folder", hint="choose another place: `-o FOLDER`")
    if (root / _KEY).exists():
        raise Busy(f"`{root}` holds a study already", hint="choose another place: `-o FOLDER`")
    if any(root.iterdir()):
        raise UsageProblem(
            f"`{root}` holds something else, expected an empty folder or none", hint="choose another place: `-o FOLDER`"
        )


def write_page(folder: StudyFolder, files: Iterator[tuple[str, bytes]]) -> None:
    """Put the files of the page in place."""
    for path, content in files:
        write_durably(folder.page / path, content)
