"""Fetch a published base from the Hugging Face Hub: what is needed and nothing else, resumable, checked."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Final, TypeAlias

from mivactl.disk import require_space
from mivactl.engine_bridge import SilentProgress
from mivactl.hub import Hub
from mivactl.model_files import model_files
from mivactl.operations.part_download import download_parts
from mivactl.operations.sealed_base import (
    InstalledBase,
    find_publication,
    require_own_name,
    seal,
    shelf_of,
    size_of,
    staged,
)
from registry_schema.base_spec import BaseSource
from registry_schema.errors import NetworkProblem, NotFound
from registry_schema.hub_names import Revision

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from mivactl.engine_bridge import KnownPublication, Progress
    from mivactl.hub import HubFile
    from mivactl.session import Session
    from registry_schema.names import BaseName
    from registry_schema.published_base import PublishedPart

_SMALL_BYTES: Final = 64 * 1024
"""What is written beside the files: configurations, the condition, `base.json`."""

Listing: TypeAlias = dict["PublishedPart", dict[str, "HubFile"]]


def fetch_base(name: BaseName, session: Session, *, progress: Progress | None = None) -> InstalledBase:
    """The base of that name, from the Hub unless it is here already.

    Raises:
        NotFound: nobody publishes it, or its repository has no such revision or no safetensors weights.
        AuthProblem: a repository is gated or private.
        NetworkProblem: offline, or the Hub can not be reached.
        ResourceProblem: not enough space; nothing is left behind.
        Incomplete: the connection broke; the same command goes on.
        Incompatible, IntegrityProblem: what came is not the base.
    """
    require_own_name(name)
    publication = find_publication(name, session)
    progress = progress or SilentProgress()
    shelf = shelf_of(session)
    with suppress(NotFound):
        here = session.base(name)
        if here.has_weights:
            return InstalledBase(here.spec, here.folder, size_of(here.spec), is_new=False)
    if session.settings.offline:
        raise NetworkProblem(
            f"base `{name}` is fetched from the Hugging Face Hub, and the network is switched off",
            hint=f"leave out `--offline`, or `mivactl base add {name} --from DIR` with files you have",
        )
    hub = Hub()
    with shelf.locked(name), staged(shelf, name, resumes=True) as stage:
        listing = _listing(hub, publication)
        _require_space(listing, stage)
        download_parts(hub, {part.part: files for part, files in listing.items()}, stage, progress)
        sources = [
            BaseSource(part=part.part, repository=part.repository, revision=Revision(_commit(files)))
            for part, files in listing.items()
        ]
        return seal(shelf, name, publication, sources=sources, progress=progress)


def _listing(hub: Hub, publication: KnownPublication) -> Listing:
    """The files of each part by the names they get, after a look whether they may be taken."""
    listing: Listing = {}
    for part in publication.base.parts:
        present = {file.name: file for file in hub.files(part.repository, part.revision, part.folder)}
        place = f"`{part.repository}`" + (f", folder `{part.folder}`," if part.folder else "")
        wanted = {target: present[source] for source, target in model_files(present, place=place).items()}
        hub.check_access(max(wanted.values(), key=lambda file: file.size_bytes))
        listing[part] = wanted
    return listing


def _require_space(listing: Listing, stage: Path) -> None:
    needed = sum(file.size_bytes for files in listing.values() for file in files.values())
    here = sum(path.stat().st_size for path in stage.glob("*/*"))
    require_space(stage, max(needed - here, 0) + _SMALL_BYTES)


def _commit(files: Mapping[str, HubFile]) -> str:
    return next(iter(files.values())).commit
