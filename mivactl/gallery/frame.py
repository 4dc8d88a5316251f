"""What every page of a gallery has: its head with the security policy, and the way to the style and the script."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mivactl.gallery.elements import element

if TYPE_CHECKING:
    from mivactl.gallery.elements import Child, Element

POLICY: Final = (
    "default-src 'none'; img-src 'self'; media-src 'self'; style-src 'self'; script-src 'self'; "
    "base-uri 'none'; form-action 'none'"
)
"""Content Security Policy: pictures, clips, style and scripts from beside the page, and nothing else from anywhere."""

ASSETS: Final = ("gallery.css", "gallery.js", "icon.svg")


def page(title: str, *body: Child, to_root: str, catalogue: bool = False) -> Element:
    """A whole page.

    Args:
        to_root: the relative way from the page to the folder of the gallery, `` or `../`, for example.
        catalogue: whether the page searches.
    """
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=POLICY),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="referrer", content="no-referrer"),
        element("meta", name="color-scheme", content="light dark"),
        element("title", title),
        element("link", rel="icon", href=f"{to_root}icon.svg", type="image/svg+xml"),
        element("link", rel="stylesheet", href=f"{to_root}gallery.css"),
        element("script", src=f"{to_root}gallery.js", defer=True),
    )
    root = to_root or "./"
    return element(
        "html",
        head,
        element(
            "body",
            element("a", "Skip to content", class_="skip", href="#content"),
            *body,
            element("footer", element("p", "Made by ", element("code", "mivactl registry site"), ".")),
            data_root=root,
            data_catalogue=f"{root}catalogue.js" if catalogue else None,
        ),
        lang="en",
    )
