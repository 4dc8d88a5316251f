"""The card of an adapter in the list, and what is kept of the adapter for the list when its page is written."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from mivactl.gallery.elements import element
from mivactl.gallery.parts import TINT_COUNT, adapter_folder, command_line, install_command, moving_picture

if TYPE_CHECKING:
    from mivactl.gallery.elements import Element
    from mivactl.gallery.shown_adapter import ShownAdapter
    from registry_schema.index import Status
    from registry_schema.names import AdapterName

_MAX_VERSIONS: Final = 4


@dataclass(frozen=True)
class Card:
    """What the list says of an adapter.

    Attributes:
        versions: newest first, the last ones counted only.
        still: ending of its picture, empty where there is none.
        clip: ending of its clip, likewise.
        keywords: tags and motion.
        more_words: subjects and authors.
    """

    name: AdapterName
    title: str
    summary: str
    versions: str
    state: Status
    bases: tuple[str, ...]
    licences: tuple[str, ...]
    masked: bool
    unmasked: bool
    still: str
    clip: str
    motion: str
    keywords: str
    more_words: str

    @property
    def tint(self) -> int:
        """Which tint stands in for a picture: always the same one for a name."""
        return zlib.crc32(self.name.encode()) % TINT_COUNT


def card_of(adapter: ShownAdapter) -> Card:
    """The card of an adapter."""
    manifest, lines = adapter.lead.manifest, [build.line for build in adapter.offered]
    first = adapter.previews[0] if adapter.previews else None
    return Card(
        name=adapter.name,
        title=manifest.title,
        summary=manifest.summary,
        versions=_in_short(adapter.versions),
        state=adapter.lead.line.status,
        bases=adapter.bases,
        licences=tuple(sorted({str(line.licence) for line in lines})),
        masked=any(line.masked for line in lines),
        unmasked=not all(line.masked for line in lines),
        still=first.still.ending if first and first.still else "",
        clip=first.clip.ending if first and first.clip else "",
        motion=manifest.adapter.motion,
        keywords=" ".join((*manifest.tags, manifest.adapter.motion)),
        more_words=" ".join((*manifest.adapter.subjects, *manifest.authors)),
    )


def card_element(card: Card, *, to_root: str) -> Element:
    """The card on a page; `gallery.js` fills a copy of it for adapters that it finds."""
    folder = f"{to_root}{adapter_folder(card.name)}"
    link = f"{folder}/index.html"
    facts = [*card.bases, *(["masked"] if card.masked else []), *card.licences]
    return element(
        "li",
        moving_picture(
            card.title,
            still=f"{folder}/1.still.{card.still}" if card.still else None,
            clip=f"{folder}/1.clip.{card.clip}" if card.clip else None,
            words=card.motion,
            tint=card.tint,
            link=link,
        ),
        element("h2", element("a", card.title, href=link)),
        element("p", element("span", str(card.name), class_="name"), " ", element("span", card.versions), class_="who"),
        element("p", card.summary, class_="summary"),
        element("ul", *(element("li", fact) for fact in facts), class_="facts", aria_label="Bases and licence"),
        element("p", card.state, class_=f"state {card.state}", hidden=card.state == "active"),
        command_line(install_command(card.name), hidden=card.state == "yanked"),
        class_="card",
    )


def _in_short(versions: tuple[str, ...]) -> str:
    left = len(versions) - _MAX_VERSIONS
    return ", ".join(versions[:_MAX_VERSIONS]) + (f" and {left} more" if left > 0 else "")
