"""A model card as elements: Markdown is read by markdown-it, and only kinds of text named here come through.

HTML in a card is text like any other, pictures become their description, and links lead to web pages only.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from mivactl.gallery.elements import append, element
from registry_schema.files import FileName

if TYPE_CHECKING:
    from collections.abc import Iterator

    from markdown_it.tree import SyntaxTreeNode

    from mivactl.gallery.elements import Child, Element

MAX_RENDERED_CHARACTERS: Final = 32 << 10
"""Longer cards are shown as they are written."""

_FRONT_MATTER: Final = re.compile(r"\A---\n.*?\n---\n", re.DOTALL)
# Control characters but tab and line end, and what turns or hides text.
_UNSEEN: Final = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ud800-\udfff\ufeff\ufffe\uffff]"
)
_TAGS: Final = {
    "paragraph": "p", "bullet_list": "ul", "ordered_list": "ol", "list_item": "li", "blockquote": "blockquote",
    "em": "em", "strong": "strong", "table": "table", "thead": "thead", "tbody": "tbody", "tr": "tr", "th": "th",
    "td": "td", "hr": "hr", "hardbreak": "br",
}  # fmt: skip
_CARD_TOP_LEVEL: Final = 3


def readable(content: bytes) -> str:
    """The text of a file that a stranger wrote: what can not be read or seen becomes a replacement character."""
    text = content.decode("utf-8-sig", errors="replace").replace("\r\n", "\n").replace("\r", "\n")
    return _UNSEEN.sub("\ufffd", text)


def model_card(content: bytes, *, title: str) -> Element:
    """The card in the bytes of a `README.md`; its headings start below those of the page.

    Args:
        title: what the page is called; a first heading that says the same is left out.
    """
    text = _FRONT_MATTER.sub("", readable(content), count=1)
    if len(text) > MAX_RENDERED_CHARACTERS:
        return element("pre", text, class_="card-text")
    from markdown_it import MarkdownIt
    from markdown_it.tree import SyntaxTreeNode

    tokens = MarkdownIt("commonmark", {"html": False}).enable("table").parse(text)
    nodes = SyntaxTreeNode(tokens).children
    if nodes and nodes[0].type == "heading" and nodes[0].children[0].content.casefold() == title.casefold():
        nodes = nodes[1:]
    return element("div", *(part for node in nodes for part in _shown(node)), class_="card-text", dir="auto")


def _children(node: SyntaxTreeNode) -> Iterator[Child]:
    for child in node.children:
        yield from _shown(child)


def _shown(node: SyntaxTreeNode) -> Iterator[Child]:
    kind = node.type
    if kind in {"text", "html_inline", "html_block"}:
        yield node.content
    elif kind == "softbreak":
        yield "\n"
    elif kind == "code_inline":
        yield element("code", node.content)
    elif kind in {"fence", "code_block"}:
        yield element("pre", element("code", node.content))
    elif kind == "image":
        yield from _picture(node)
    elif kind == "heading":
        yield element(f"h{min(6, int(node.tag[1:]) + _CARD_TOP_LEVEL - 1)}", *_children(node))
    elif kind == "link":
        yield from _link(node)
    elif kind in _TAGS and not (kind == "paragraph" and node.hidden):
        yield element(_TAGS[kind], *_children(node))
    else:
        yield from _children(node)


def _picture(node: SyntaxTreeNode) -> Iterator[Child]:
    """Its description, since nothing is fetched from elsewhere; the adapter's own pictures are shown above the card."""
    if node.content and not FileName.matches(str(node.attrs.get("src", ""))):
        yield element("em", node.content, class_="picture")


def _link(node: SyntaxTreeNode) -> Iterator[Child]:
    address = str(node.attrs.get("href", ""))
    if not _leads_to_the_web(address):
        yield from _children(node)
        return
    yield append(element("a", href=address, rel="noopener noreferrer nofollow"), *_children(node))


def _leads_to_the_web(address: str) -> bool:
    try:
        parts = urlsplit(address)
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and bool(parts.netloc)
