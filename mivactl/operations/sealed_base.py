"""What `base fetch` and `base add` share: which base is meant, and the last step from staged parts to a base."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING

from mivactl.base_shelf import BaseShelf
from mivactl.disk import disk_errors
from mivactl.engine_bridge import packaged_base_folders, published_bases, seal_base
from registry_schema.errors import Incomplete, NetworkProblem, NotFound, UsageProblem

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from mivactl.engine_bridge import KnownPublication, Progress
    from mivactl.session import Session
    from registry_schema.base_spec import BaseSource, BaseSpec
    from registry_schema.names import BaseName


@dataclass(frozen=True)
class InstalledBase:
    """A base of a person's own: its facts, its folder, its size, and whether it was put there now."""

    spec: BaseSpec
    folder: Path
    size_bytes: int
    is_new: bool


def shelf_of(session: Session, *, lock_timeout: float | None = None) -> BaseShelf:
    """Where bases are installed; `lock_timeout` is other than the one of the settings."""
    timeout = session.settings.lock_timeout if lock_timeout is None else lock_timeout
    return BaseShelf(session.settings.home, lock_timeout=timeout)


def publications(session: Session) -> tuple[KnownPublication, ...]:
    """The bases that can be fetched: those described in `published` of mivactl's home, then the package's."""
    return published_bases((session.settings.home / "published",))


def find_publication(name: BaseName, session: Session) -> KnownPublication:
    """The published base of that name.

    Raises:
        NotFound: there is none; the hint names the nearest.
    """
    known = {publication.base.facts.name: publication for publication in publications(session)}
    if name in known:
        return known[name]
    close = get_close_matches(name, known, n=1)
    hint = f"did you mean `{close[0]}`?" if close else f"there are {', '.join(f'`{entry}`' for entry in known)}"
    raise NotFound(f"base `{name}` is not one that can be fetched", hint=hint)


def require_own_name(name: BaseName) -> None:
    """Refuse the names of bases that come with mivactl.

    Raises:
        UsageProblem: it is one.
    """
    if name in {folder.name for folder in packaged_base_folders()}:
        raise UsageProblem(f"base `{name}` comes with mivactl", hint="choose another name for a base of your own")


@contextmanager
def staged(shelf: BaseShelf, name: BaseName, *, resumes: bool) -> Iterator[Path]:
    """The folder in which a base is put together; what fails leaves nothing behind.

    Args:
        shelf: of this home.
        name: of the base.
        resumes: keep what came before a broken connection or Ctrl-C, and go on from there the next time.
    """
    if not resumes:
        shelf.discard(name)
    stage = shelf.stage_of(name)
    with disk_errors(stage):
        stage.mkdir(parents=True, exist_ok=True)
    try:
        yield stage
    except BaseException as problem:
        stopped = isinstance(problem, Incomplete | NetworkProblem) or not isinstance(problem, Exception)
        came = [path for path in stage.rglob("*") if path.is_file()]
        if not (resumes and stopped and came):
            shelf.discard(name)
        raise


def seal(
    shelf: BaseShelf,
    name: BaseName,
    publication: KnownPublication,
    *,
    sources: Sequence[BaseSource] = (),
    progress: Progress,
) -> InstalledBase:
    """Check the staged parts, note their digests, and let the base appear.

    Raises:
        Incompatible, IntegrityProblem, NotFound: a part is not what it should be.
    """
    stage = shelf.stage_of(name)
    with progress.phase("checking", None), disk_errors(stage):
        for rest in stage.glob("*/*.part"):
            rest.unlink()
        spec = seal_base(stage, publication, name=name, sources=sources)
    return InstalledBase(spec, shelf.install(name), size_of(spec), is_new=True)


def size_of(spec: BaseSpec) -> int:
    """Bytes of the files that a base lists."""
    return sum(file.size for file in spec.files or ())
