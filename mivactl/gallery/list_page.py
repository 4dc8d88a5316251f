"""The list of all adapters: a search form for those with JavaScript, pages with links for those without."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from mivactl.gallery.card import Card, card_element
from mivactl.gallery.elements import append, element
from mivactl.gallery.frame import page
from registry_schema.names import AdapterName

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mivactl.gallery.elements import Element

CARDS_A_PAGE: Final = 48
_BLANK: Final = Card(
    AdapterName("blank"), "", "", "", "active", (), (), masked=False, unmasked=False, still="", clip="", motion="",
    keywords="", more_words="",
)  # fmt: skip


def list_pages(registry: str, cards: Sequence[Card]) -> Iterator[tuple[str, Element]]:
    """Each page of the list with its path, the last page first: `index.html`, where a visitor starts, is the last."""
    count = max(1, -(-len(cards) // CARDS_A_PAGE))
    form = _Form(cards)
    for number in range(count, 0, -1):
        shown = cards[(number - 1) * CARDS_A_PAGE : number * CARDS_A_PAGE]
        to_root = "" if number == 1 else "../"
        yield _path(number), page(
            registry if number == 1 else f"{registry}, page {number}",
            _header(registry, len(cards)),
            element(
                "main",
                form.element(),
                _count_line(len(cards)),
                element("ul", *(card_element(card, to_root=to_root) for card in shown), class_="cards", id="cards"),
                element("p", "Nothing here yet." if not cards else "Nothing matches. ", class_="empty", id="empty",
                        hidden=bool(cards)),
                element("button", "Show more", type="button", id="more", hidden=True),
                _pager(number, count, to_root),
                element("template", card_element(_BLANK, to_root=""), id="card"),
                id="content",
            ),
            to_root=to_root,
            catalogue=True,
        )  # fmt: skip


def _path(number: int) -> str:
    return "index.html" if number == 1 else f"page/{number}.html"


def _header(registry: str, count: int) -> Element:
    adapters = f"{count:,} motion adapter" + ("" if count == 1 else "s")
    return element(
        "header",
        element("p", "mivactl registry", class_="eyebrow"),
        element("h1", registry),
        element(
            "p", f"{adapters}. Each teaches a video model one motion: choose, weigh, animate a photo.", class_="lead"
        ),
        class_="top",
    )


def _count_line(count: int) -> Element:
    text = f"{count:,} adapter" + ("" if count == 1 else "s")
    return element("p", text, id="count", role="status", aria_live="polite")


def _pager(number: int, count: int, to_root: str) -> Element | None:
    if count == 1:
        return None
    nav = element("nav", id="pager", aria_label="Pages")
    if number > 1:
        append(nav, element("a", "Previous", href=to_root + _path(number - 1), rel="prev"))
    append(nav, element("span", f"Page {number:,} of {count:,}"))
    if number < count:
        append(nav, element("a", "Next", href=to_root + _path(number + 1), rel="next"))
    return nav


class _Form:
    """The search form: the same on every page, with the choices that occur."""

    def __init__(self, cards: Sequence[Card]) -> None:
        self._bases = Counter(base for card in cards for base in card.bases)
        self._licences = Counter(licence for card in cards for licence in card.licences)
        self._kinds = Counter(
            kind for card in cards for kind, has in (("masked", card.masked), ("not masked", card.unmasked)) if has
        )

    def element(self) -> Element:
        """A fresh copy."""
        return element(
            "form",
            element(
                "label",
                element("span", "Search"),
                element("input", type="search", name="q", placeholder="water, birds, a namespace", autocomplete="off",
                        spellcheck="false", enterkeyhint="search", aria_keyshortcuts="/", aria_controls="cards"),
                class_="search",
            ),
            _choice("base", "Base", "All bases", self._bases),
            _choice("licence", "Licence", "All licences", self._licences),
            _choice("kind", "Mask", "Masked or not", self._kinds),
            element("button", "Clear", type="reset"),
            id="filters",
            role="search",
            aria_label="Adapters",
        )  # fmt: skip


def _choice(name: str, label: str, everything: str, counts: Counter[str]) -> Element:
    options = [element("option", f"{value} ({counts[value]:,})", value=value) for value in sorted(counts)]
    select = element("select", element("option", everything, value=""), *options, name=name, aria_controls="cards")
    return element("label", element("span", label), select)
