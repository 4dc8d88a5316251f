"""What cards and pages are both made of: a preview, a command to copy, an adapter's state and where its files are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mivactl.gallery.elements import element
from registry_schema.names import HOME_NAMESPACE

if TYPE_CHECKING:
    from mivactl.gallery.elements import Element
    from mivactl.gallery.shown_adapter import Build
    from registry_schema.names import AdapterName

TINT_COUNT: Final = 6


def adapter_folder(name: AdapterName) -> str:
    """Where the page and the previews of an adapter are, seen from the root of the gallery."""
    return f"adapters/{name.namespace}/{name.name}"


def short_name(name: AdapterName) -> str:
    """What a person types: the namespace `miva` goes without saying."""
    return name.name if name.namespace == HOME_NAMESPACE else str(name)


def install_command(name: AdapterName) -> str:
    """The command that installs the newest version."""
    return f"mivactl install {short_name(name)}"


def exact_command(build: Build) -> str:
    """The command that installs one build and no other."""
    line = build.line
    masked = " --masked" if line.masked else ""
    return f"mivactl install {short_name(line.name)}@=={line.version} --base {line.base.name}{masked}"


def command_line(command: str, *, hidden: bool = False) -> Element:
    """A command, and a button that copies it."""
    return element(
        "div",
        element("code", command),
        element("button", "Copy", class_="copy", type="button", aria_label=f"Copy: {command}"),
        class_="command",
        hidden=hidden,
    )


def moving_picture(
    title: str, *, still: str | None, clip: str | None, words: str, tint: int, link: str | None = None
) -> Element:
    """A preview that moves while it is looked at; words in its place where an adapter has none.

    Args:
        still: address of the picture.
        clip: address of the clip.
        words: the motion in words.
        tint: which of the tints is behind the words.
        link: where a click leads; the title beside it leads there too, so that the keyboard need not stop twice.
    """
    if still is not None:
        picture = element("img", src=still, alt="", loading="lazy", decoding="async", class_="still")
    elif clip is not None and clip.endswith(".mp4"):
        picture = element(
            "video", src=clip, preload="metadata", muted=True, loop=True, playsinline=True, class_="still"
        )
    else:
        picture = element("span", words, class_="words", aria_hidden="true")
    if link is not None:
        picture = element("a", picture, href=link, tabindex="-1", aria_hidden="true")
    button = element(
        "button",
        type="button",
        class_="play",
        aria_label=f"Play the preview of {title}",
        data_title=title,
        hidden=clip is None,
    )
    return element("div", picture, button, class_=f"preview tint-{tint % TINT_COUNT}", data_clip=clip)
