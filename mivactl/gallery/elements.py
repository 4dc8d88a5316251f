"""HTML as a tree of elements, escaped when it is written: no text of a registry can become markup."""

from __future__ import annotations

from typing import Final
from xml.etree import ElementTree

Element = ElementTree.Element
Child = Element | str | None
_RAW_TEXT: Final = frozenset({"script", "style"})


def element(tag: str, *children: Child, **attributes: str | bool | None) -> Element:
    """An element; `class_` is the attribute `class` and `data_clip` is `data-clip`.

    Args:
        children: elements and text in their order; None is left out.
        attributes: True gives an attribute without a value, False and None give none.
    """
    made = Element(tag)
    for name, value in attributes.items():
        if value is not None and value is not False:
            made.set(name.rstrip("_").replace("_", "-"), "" if value is True else value)
    return append(made, *children)


def append(parent: Element, *children: Child) -> Element:
    """`parent`, with more in it."""
    for child in children:
        if isinstance(child, str):
            _append_text(parent, child)
        elif child is not None:
            parent.append(child)
    return parent


def html_document(root: Element) -> bytes:
    """The bytes of a page."""
    text = ElementTree.tostring(root, encoding="unicode", method="html")
    return f"<!doctype html>\n{text}\n".encode()


def _append_text(parent: Element, text: str) -> None:
    if parent.tag in _RAW_TEXT:
        raise ValueError(f"<{parent.tag}> would hold text that nothing escapes")
    if len(parent):
        parent[-1].tail = (parent[-1].tail or "") + text
    else:
        parent.text = (parent.text or "") + text
