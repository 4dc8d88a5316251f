"""Add a base from folders on this machine: diffusers' layout, or a base's own folder."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from mivactl.disk import disk_errors, require_space
from mivactl.engine_bridge import SilentProgress, check_part, packaged_base_folders, verify_base
from mivactl.model_files import CONFIG, model_files
from mivactl.operations.sealed_base import InstalledBase, publications, seal, shelf_of, size_of, staged
from registry_schema.base_spec import BaseFile, BaseSpec
from registry_schema.digests import Digest
from registry_schema.errors import Busy, Incompatible, MivaError, NotFound, UsageProblem

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mivactl.base_shelf import BaseShelf
    from mivactl.engine_bridge import KnownPublication, Progress
    from mivactl.session import Session
    from registry_schema.base_spec import BasePart
    from registry_schema.names import BaseName
    from registry_schema.published_base import PublishedPart

_SPEC = "base.json"
Parts: TypeAlias = dict["BasePart", dict[str, Path]]
"""By part and by the name a file gets: where it is."""


def add_base(
    name: BaseName, folders: Sequence[Path], session: Session, *, progress: Progress | None = None
) -> InstalledBase:
    """Copy a base from `folders` and check it.

    Args:
        name: what to call it; that of a published base, or any for other weights of the same architecture.
        folders: with the parts, `unet/`, `vae/` and so on, or with one part each; or one folder with a `base.json`.

    Raises:
        NotFound: a folder or a part is not there.
        Incompatible: it is no base this mivactl knows; the message names the difference.
        Busy: there is a base of that name.
        ResourceProblem: not enough space; nothing is left behind.
    """
    progress = progress or SilentProgress()
    for folder in folders:
        if not folder.is_dir():
            raise NotFound(f"no folder `{folder}`", hint="give a folder with `unet/` or `transformer/`, and `vae/`")
    whole = next((folder for folder in folders if (folder / _SPEC).is_file()), None)
    _require_free(name, whole, session)
    shelf = shelf_of(session)
    with shelf.locked(name):
        if whole is not None:
            return _copy_base(name, whole, shelf, progress)
        publication, parts = _recognised(name, folders, session)
        with staged(shelf, name, resumes=False) as stage:
            _copy_parts(parts, stage, progress)
            return seal(shelf, name, publication, progress=progress)


def _require_free(name: BaseName, whole: Path | None, session: Session) -> None:
    packaged = next((folder for folder in packaged_base_folders() if folder.name == name), None)
    if packaged is not None:
        own, other = _read_spec(packaged), None if whole is None else _read_spec(whole)
        if other is not None and other.weights != own.weights:
            raise Incompatible(
                f"`{whole}` has the weights `{other.weights.hex[:12]}`, base `{name}` is the one with "
                f"`{own.weights.hex[:12]}` and takes no others",
                hint="choose another name for a base of your own",
            )
        raise UsageProblem(f"base `{name}` comes with mivactl", hint="choose another name for a base of your own")
    if shelf_of(session).place_of(name).exists():
        raise Busy(f"there is a base `{name}` already", hint=f"`mivactl base remove {name}` makes room for another")


def _recognised(name: BaseName, folders: Sequence[Path], session: Session) -> tuple[KnownPublication, Parts]:
    """The published base that the folders hold: the one of that name, else the first of the same architecture."""
    known = publications(session)
    named = [publication for publication in known if publication.base.facts.name == name]
    problems: list[MivaError] = []
    for publication in named or known:
        try:
            return publication, _found_parts(publication, folders)
        except (Incompatible, NotFound) as problem:
            problems.append(problem)
    # a folder that has the parts and differs says more than one that has not
    raise next((problem for problem in problems if isinstance(problem, Incompatible)), problems[0])


def _found_parts(publication: KnownPublication, folders: Sequence[Path]) -> Parts:
    """Where each part lies, checked from configurations and file headers before anything is copied."""
    found = {part.part: _found_part(part, publication, folders) for part in publication.base.parts}
    for part in publication.base.parts:
        files = found[part.part]
        weights = [path for target, path in files.items() if target.endswith(".safetensors")]
        check_part(files[CONFIG].parent, part, publication, weights=weights)
    return found


def _found_part(part: PublishedPart, publication: KnownPublication, folders: Sequence[Path]) -> dict[str, Path]:
    places = [place for folder in folders for place in (folder / part.part, folder)]
    model = publication.config(part.part)["_class_name"]
    place = next((place for place in places if _class_of(place) == model), None)
    place = place or next((folder / part.part for folder in folders if (folder / part.part).is_dir()), None)
    if place is None:
        listed = " or ".join(f"`{folder}`" for folder in folders)
        raise NotFound(
            f"no `{part.part}` in {listed}, expected a folder with a `{model}`",
            hint=f"it is published as `{part.repository}`; `--from` may be given more than once",
        )
    names = [path.name for path in place.iterdir() if path.is_file()]
    return {target: place / source for source, target in model_files(names, place=f"`{place}`").items()}


def _class_of(folder: Path) -> str | None:
    try:
        config = json.loads((folder / CONFIG).read_bytes())
    except (OSError, ValueError, RecursionError):
        return None
    return config.get("_class_name") if isinstance(config, dict) else None


def _copy_parts(parts: Parts, stage: Path, progress: Progress) -> None:
    files = {stage / part / target: source for part, entries in parts.items() for target, source in entries.items()}
    _copy(files, stage, progress)


def _copy_base(name: BaseName, whole: Path, shelf: BaseShelf, progress: Progress) -> InstalledBase:
    """Copy a base's own folder under `name`, files as they are."""
    with progress.phase("checking", None):
        verify_base(whole)
    spec = _read_spec(whole)
    sources = [path for path in sorted(whole.rglob("*")) if path.is_file() and path != whole / _SPEC]
    with staged(shelf, name, resumes=False) as stage:
        copies = {stage / path.relative_to(whole): path for path in sources}
        _copy(copies, stage, progress)
        files = tuple(_file(path, stage) for path in copies)
        own = BaseSpec.from_plain(
            {**spec.plain(), "name": name, "files": [file.plain() for file in files]}, source=_SPEC
        )
        with disk_errors(stage):
            (stage / _SPEC).write_bytes(own.to_bytes())
        return InstalledBase(own, shelf.install(name), size_of(own), is_new=True)


def _copy(files: dict[Path, Path], stage: Path, progress: Progress) -> None:
    require_space(stage, sum(source.stat().st_size for source in files.values()))
    with progress.phase("copying", len(files)) as phase, disk_errors(stage):
        for target, source in files.items():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)
            phase.advance()


def _file(path: Path, stage: Path) -> BaseFile:
    with path.open("rb") as stream:
        digest = Digest.of_stream(stream)
    return BaseFile(path=path.relative_to(stage).as_posix(), digest=digest, size=path.stat().st_size)


def _read_spec(folder: Path) -> BaseSpec:
    return BaseSpec.parse((folder / _SPEC).read_bytes(), source=str(folder / _SPEC))
