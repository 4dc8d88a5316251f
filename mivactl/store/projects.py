"""What the locks of projects name: the store keeps these builds when they are uninstalled."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field, StringConstraints

from mivactl.disk import write_durably
from registry_schema.digests import Digest
from registry_schema.document import Document, RootDocument
from registry_schema.errors import SchemaError

if TYPE_CHECKING:
    from collections.abc import Iterable


class Project(Document):
    """A project on this machine: where its lock is, and the manifests that lock names."""

    lock: Annotated[str, StringConstraints(min_length=1, max_length=4096)]
    manifests: Annotated[tuple[Digest, ...], Field(max_length=1024)]


class ProjectList(RootDocument):
    """The content of `projects.json`."""

    SCHEMA: ClassVar[str] = "mivactl.projects/1"
    SOURCE: ClassVar[str] = "projects.json"
    MAX_BYTES: ClassVar[int] = 4 << 20

    projects: Annotated[tuple[Project, ...], Field(max_length=10_000)] = ()

    def manifests(self) -> frozenset[Digest]:
        """What the locks that are still there name."""
        return frozenset(digest for project in self.projects if _exists(project) for digest in project.manifests)

    def with_project(self, lock: Path, manifests: Iterable[Digest]) -> ProjectList:
        """The same with what `lock` names now, without the projects whose lock is gone."""
        project = Project(lock=str(lock), manifests=tuple(sorted(set(manifests))))
        others = tuple(other for other in self.projects if other.lock != project.lock and _exists(other))
        return ProjectList(projects=(*others, project))


def read_projects(path: Path) -> ProjectList:
    """The list at `path`; an empty one where there is none yet.

    Raises:
        SchemaError: the file is not such a list.
    """
    try:
        return ProjectList.parse(path.read_bytes(), source=str(path))
    except (FileNotFoundError, NotADirectoryError):
        return ProjectList()
    except SchemaError as error:
        raise SchemaError(error.message, hint=error.hint or "run `mivactl doctor --repair`") from error


def write_projects(path: Path, projects: ProjectList) -> None:
    """Replace the list at `path`."""
    write_durably(path, projects.to_bytes())


def _exists(project: Project) -> bool:
    return Path(project.lock).exists()
