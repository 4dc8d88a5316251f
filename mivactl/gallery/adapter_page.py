"""The page of one adapter: previews, the command that installs it, its card, its builds with their files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mivactl.byte_sizes import size
from mivactl.gallery.elements import append, element
from mivactl.gallery.facts import facts
from mivactl.gallery.frame import page
from mivactl.gallery.model_card import model_card, readable
from mivactl.gallery.parts import (
    adapter_folder,
    command_line,
    exact_command,
    install_command,
    moving_picture,
    short_name,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mivactl.gallery.card import Card
    from mivactl.gallery.elements import Element
    from mivactl.gallery.shown_adapter import Build, Preview, ShownAdapter

TO_ROOT: Final = "../../../"


def adapter_page(registry: str, adapter: ShownAdapter, card: Card) -> Element:
    """The page.

    Args:
        registry: the name of the registry.
        card: the adapter's card in the list.
    """
    manifest = adapter.lead.manifest
    return page(
        f"{manifest.title} - {registry}",
        element(
            "header",
            element(
                "nav", element("a", registry, href=f"{TO_ROOT}index.html"), class_="eyebrow", aria_label="Registry"
            ),
            element("h1", manifest.title),
            element("p", element("span", str(adapter.name), class_="name"), " ", str(manifest.version), class_="who"),
            element("p", manifest.summary, class_="lead"),
            _state(adapter),
            class_="top",
        ),
        element(
            "main",
            element("div", *_stages(adapter, card), class_="stages"),
            element("aside", _use(adapter), facts(adapter), aria_label="Use and facts"),
            _card(adapter),
            _builds(adapter),
            _licence(adapter),
            id="content",
            class_="adapter",
        ),
        to_root=TO_ROOT,
    )


def preview_files(adapter: ShownAdapter) -> Iterator[tuple[str, bytes]]:
    """The pictures and clips of the page with their paths, seen from the root of the gallery."""
    folder = adapter_folder(adapter.name)
    for number, preview in enumerate(adapter.previews, start=1):
        for part, media in (("still", preview.still), ("clip", preview.clip)):
            if media is not None:
                yield f"{folder}/{number}.{part}.{media.ending}", media.content


def _state(adapter: ShownAdapter) -> Element | None:
    line = adapter.lead.line
    if line.status == "active":
        return None
    said = "is deprecated" if line.status == "deprecated" else "was yanked, do not use it"
    reason = f": {line.note}." if line.note else "."
    notice = element(
        "p", element("strong", f"This adapter {said}"), reason, class_=f"notice {line.status}", role="note"
    )
    if line.successor is not None:
        successor = f"{TO_ROOT}{adapter_folder(line.successor)}/index.html"
        append(notice, " In its place: ", element("a", str(line.successor), href=successor), ".")
    return notice


def _stages(adapter: ShownAdapter, card: Card) -> Iterator[Element]:
    title = adapter.lead.manifest.title
    for number, preview in enumerate(adapter.previews or (None,), start=1):
        still, clip = _names(number, preview)
        # Without JavaScript a click on the picture opens the clip itself.
        shown = moving_picture(title, still=still, clip=clip, words=card.motion, tint=card.tint, link=clip or still)
        yield element("figure", shown, class_="stage")


def _names(number: int, preview: Preview | None) -> tuple[str | None, str | None]:
    if preview is None:
        return None, None
    still = f"{number}.still.{preview.still.ending}" if preview.still else None
    clip = f"{number}.clip.{preview.clip.ending}" if preview.clip else None
    return still, clip


def _use(adapter: ShownAdapter) -> Element:
    install = exact_command(adapter.lead) if adapter.lead.line.status == "yanked" else install_command(adapter.name)
    animate = f"mivactl animate photo.jpg --use {short_name(adapter.name)}"
    return _section("Use", command_line(install), command_line(animate), name="use")


def _card(adapter: ShownAdapter) -> Element:
    if adapter.card is None:
        return _section("Model card", element("p", "It has none.", class_="quiet"), name="model-card")
    return _section("Model card", model_card(adapter.card, title=adapter.lead.manifest.title), name="model-card")


def _builds(adapter: ShownAdapter) -> Element:
    left = adapter.build_count - len(adapter.builds)
    return _section(
        "Versions and files",
        *(_build(build, opened=number == 0) for number, build in enumerate(adapter.builds)),
        element("p", f"{left:,} older builds are not shown.", class_="quiet") if left else None,
        name="builds",
    )


def _build(build: Build, *, opened: bool) -> Element:
    line = build.line
    state = None if line.status == "active" else element("span", line.status, class_=f"state {line.status}")
    summary = element(
        "summary",
        element("strong", str(line.version)),
        " for ",
        element("span", str(line.base.name)),
        ", masked" if line.masked else None,
        element("span", f"{line.licence}, {size(line.weights.size)}, {line.published[:10]}", class_="quiet"),
        state,
    )
    note = f"{line.status.capitalize()}: {line.note}." if line.note else None
    return element(
        "details",
        summary,
        element("p", note) if note else None,
        command_line(exact_command(build)),
        _files(build),
        element("p", "Manifest ", element("code", str(line.manifest.digest)), class_="digest"),
        open=opened,
    )


def _files(build: Build) -> Element:
    head = element("tr", *(element("th", text, scope="col") for text in ("File", "Kind", "Size", "Digest")))
    shown = [
        *((entry, "") for entry in build.manifest.files),
        *((one.file, one.published) for one in build.attachments),
    ]
    rows = (
        element(
            "tr",
            element("th", str(entry.path), scope="row"),
            element("td", f"{entry.kind}, attached {added[:10]}" if added else entry.kind),
            element("td", size(entry.size), class_="number"),
            element("td", element("code", str(entry.digest)), class_="digest"),
        )
        for entry, added in shown
    )
    table = element("table", element("thead", head), element("tbody", *rows))
    label = f"Files of {build.line.key.tag}"
    return element("div", table, class_="scroll", tabindex="0", role="region", aria_label=label)


def _licence(adapter: ShownAdapter) -> Element | None:
    if adapter.licence_text is None:
        return None
    text = element("pre", readable(adapter.licence_text), class_="card-text")
    title = f"The text of {adapter.lead.line.licence}"
    return _section("Licence", element("details", element("summary", title), text), name="licence")


def _section(title: str, *children: Element | None, name: str) -> Element:
    return element("section", element("h2", title, id=name), *children, aria_labelledby=name, class_=name)
