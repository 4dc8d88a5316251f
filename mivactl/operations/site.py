"""Render the gallery of a registry: one pass over its adapters, then the list and the index of the search."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING, Final

from mivactl.engine_bridge import SilentProgress
from mivactl.gallery.adapter_page import adapter_page, preview_files
from mivactl.gallery.card import Card, card_of
from mivactl.gallery.catalogue import catalogue_script
from mivactl.gallery.elements import html_document
from mivactl.gallery.frame import ASSETS
from mivactl.gallery.list_page import list_pages
from mivactl.gallery.parts import adapter_folder
from mivactl.gallery.shown_adapter import read_adapter
from mivactl.gallery.site_folder import StagedSite, site_folder
from mivactl.operations.registries import registry_at
from mivactl.registry.directory import DirectoryRegistry
from mivactl.registry.registry import Capability
from registry_schema.errors import Refused, UsageProblem

if TYPE_CHECKING:
    from pathlib import Path

    from mivactl.engine_bridge import Progress
    from mivactl.registry.registry import Registry
    from mivactl.session import Session

_DEFAULT_FOLDER: Final = "site"
_START: Final = "index.html"


@dataclass(frozen=True)
class RenderedSite:
    """A gallery: its start page, how much is in it, and the previews that are not shown with the reasons."""

    registry: str
    folder: str
    start: str
    adapter_count: int
    file_count: int
    size_bytes: int
    left_out: tuple[str, ...]


def render_site(
    place: str, session: Session, *, out: Path | None = None, progress: Progress | None = None
) -> RenderedSite:
    """Render the gallery of the registry at `place`: a folder, an address or the name of an added registry.

    Args:
        out: where; None takes the folder `site` in the registry.

    Raises:
        NotFound: there is no such registry.
        UsageProblem: `out` holds something else, or lies where the registry keeps its own files.
        Refused: the registry may not be written or is no folder, and `out` is None.
        IntegrityProblem: the registry is damaged.
    """
    registry = registry_at(place, session)
    name = registry.config().name
    folder = _folder(registry, out)
    cards: list[Card] = []
    left_out: list[str] = []
    names = registry.names()
    with site_folder(folder, name, lock_timeout=session.settings.lock_timeout) as staged:
        _add_assets(staged)
        with (progress or SilentProgress()).phase("render", len(names)) as phase:
            for adapter_name in names:
                adapter = read_adapter(registry, adapter_name)
                if adapter is not None:
                    cards.append(card_of(adapter))
                    left_out.extend(adapter.left_out)
                    for path, content in preview_files(adapter):
                        staged.add(path, content)
                    page = adapter_page(name, adapter, cards[-1])
                    staged.add(f"{adapter_folder(adapter_name)}/index.html", html_document(page))
                phase.advance()
        cards.sort(key=lambda card: card.state)  # active, deprecated, yanked; by name within
        staged.add("catalogue.js", catalogue_script(cards))
        for path, page in list_pages(name, cards):
            staged.add(path, html_document(page))
    return RenderedSite(
        registry=name,
        folder=str(folder),
        start=str(folder / _START),
        adapter_count=len(cards),
        file_count=len(staged.paths),
        size_bytes=sum(staged.paths.values()),
        left_out=tuple(left_out),
    )


def _folder(registry: Registry, out: Path | None) -> Path:
    if not isinstance(registry, DirectoryRegistry):
        if out is None:
            raise Refused(f"registry `{registry.name}` is no folder", hint="say where: `--out FOLDER`")
        return out.expanduser().absolute()
    if out is None and Capability.PUBLISH not in registry.capabilities:
        raise Refused(f"registry `{registry.name}` is read-only", hint="say where: `--out FOLDER`")
    folder = registry.root / _DEFAULT_FOLDER if out is None else out.expanduser().absolute()
    root = registry.root.resolve()
    if folder.resolve() != root / _DEFAULT_FOLDER and folder.resolve().is_relative_to(root):
        raise UsageProblem(
            f"`{folder}` lies where the registry keeps its own files, expected `{root / _DEFAULT_FOLDER}` or a folder "
            "outside",
            hint="leave `--out` away",
        )
    return folder


def _add_assets(staged: StagedSite) -> None:
    folder = resources.files("mivactl.gallery") / "assets"
    for name in ASSETS:
        staged.add(name, (folder / name).read_bytes())
