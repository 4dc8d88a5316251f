"""A browser in a gallery: search, filter, play, copy, by mouse and by keyboard, and nothing from elsewhere."""

from __future__ import annotations

import gzip
import shutil
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING

import pytest

import mivactl.gallery
from mivactl.gallery.card import Card
from mivactl.gallery.catalogue import catalogue_script
from mivactl.gallery.elements import html_document
from mivactl.gallery.frame import ASSETS
from mivactl.gallery.list_page import list_pages
from mivactl.operations.site import render_site
from mivactl.session import Session
from mivactl.settings import Settings
from registry_schema.manifest import Tag
from registry_schema.names import AdapterName
from tests.browser import Browser, browser
from tests.mivactl.galleries import new_registry, picture, publish, set_status
from tests.mivactl.test_site import HOSTILE, HOSTILE_CARD

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.acceptance, pytest.mark.server]
TITLES = "[...document.querySelectorAll('#cards h2')].map((title) => title.textContent)"
FOCUSED = "document.activeElement.getAttribute('aria-label') ?? document.activeElement.textContent.trim()"
MOVING = "[...document.querySelectorAll('.moving')].map((box) => box.closest('.card').querySelector('h2').textContent)"


class Quiet(SimpleHTTPRequestHandler):
    """Serves a folder and says nothing."""

    def log_message(self, format: str, *args: object) -> None:
        """Silent."""


@contextmanager
def served(folder: Path) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A gallery of falls (two bases, a clip), rain (MIT, deprecated), smoke (masked) and a hostile adapter."""
    folder = tmp_path_factory.mktemp("gallery")
    registry = new_registry(folder / "studio")
    clip = {"preview.webp": picture("webp", colours=("red", "lime", "blue"), size=(64, 40))}
    publish(registry, "studio/falls", files={**clip, "README.md": b"# Falls\n\nWater *falls*."}, tags=(Tag("river"),))
    publish(registry, "studio/falls", base="wan")
    publish(registry, "studio/rain", files=clip, licence="MIT", summary="Drops beside a river")
    publish(registry, "studio/smoke", masked=True)
    publish(registry, "studio/evil", files={"README.md": HOSTILE_CARD.encode()}, title=HOSTILE[:70], summary=HOSTILE)
    set_status(registry, "studio/rain", status="deprecated", successor=AdapterName("studio/falls"))
    render_site(str(registry.root), Session(Settings(home=folder / "home")), out=folder / "site")
    return folder / "site"


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with browser(tmp_path_factory.mktemp("profile")) as tab:
        yield tab


@pytest.fixture(params=["http", "file"])
def start(request: pytest.FixtureRequest, site: Path, chromium: Browser) -> Iterator[str]:
    """The address of the start page, from a web server and from the disk; a fresh window of usual size."""
    chromium.emulate()
    chromium.call("Input.dispatchMouseEvent", type="mouseMoved", x=1, y=1)
    if request.param == "file":
        yield f"file://{site}/index.html"
        return
    with served(site) as origin:
        yield f"{origin}index.html"


def test_search_and_filters_show_what_matches_and_say_how_many(chromium: Browser, start: str):
    chromium.go(start)
    assert chromium.run("document.querySelector('#count').textContent") == "4 adapters"
    chromium.click("input[name=q]")
    chromium.type("river")
    chromium.wait(f"{TITLES}.length === 2")
    assert chromium.run(TITLES) == ["Falls", "Rain"]  # a tag says more than a summary
    assert chromium.run("document.querySelector('#count').textContent") == "2 of 4 adapters"
    assert chromium.run("location.hash") == "#q=river"

    def choose(name: str, value: str) -> list[str]:
        chromium.run(f"(() => {{ const list = document.querySelector('[name={name}]'); list.value = '{value}';"
                     "list.dispatchEvent(new Event('input', {bubbles: true})); })()")  # fmt: skip
        chromium.wait(f"location.hash.includes('{name}') === {str(bool(value)).lower()}")
        return chromium.run(TITLES)

    assert choose("licence", "MIT") == ["Rain"]
    chromium.click("#filters button[type=reset]")
    chromium.wait(f"{TITLES}.length === 4")
    assert choose("base", "wan2.1-t2v-1.3b") == ["Falls"]
    assert choose("base", "") == chromium.run(TITLES)
    assert choose("kind", "masked") == ["Smoke"]
    chromium.type("nothing like it")
    chromium.wait("!document.querySelector('#empty').hidden")
    assert chromium.run(TITLES) == []
    assert chromium.complaints == []


def test_an_address_with_a_search_finds_the_same_again(chromium: Browser, start: str):
    chromium.go(f"{start}#q=river&licence=MIT")
    chromium.wait(f"{TITLES}.length === 1")
    assert chromium.run("['q', 'licence'].map((name) => document.forms[0][name].value)") == ["river", "MIT"]
    chromium.click("#cards h2 a")
    chromium.wait("document.querySelector('.notice')")
    assert chromium.run("document.querySelector('.notice').textContent").startswith("This adapter is deprecated.")


@pytest.mark.parametrize("searched", [False, True], ids=["as-written", "as-found"])
def test_a_clip_moves_under_the_pointer_and_stops_behind_it(chromium: Browser, start: str, searched: bool):
    chromium.go(start + ("#base=nano" if searched else ""))
    chromium.wait(f"{TITLES}.length === 4")
    assert not [address for address in chromium.requested if ".clip." in address]
    chromium.point("#cards .card:has([href*=falls]) h2")
    chromium.wait("document.querySelector('.clip')?.naturalWidth === 64")
    assert chromium.run(MOVING) == ["Falls"]
    chromium.point("h1")
    chromium.wait("!document.querySelector('.clip')")


def test_everything_is_reached_and_done_by_keyboard(chromium: Browser, start: str):
    chromium.go(start)
    chromium.press("Tab")
    assert chromium.run(FOCUSED) == "Skip to content"
    chromium.press("/")
    assert chromium.run("document.activeElement.name") == "q"
    chromium.type("studio/falls")
    chromium.wait(f"{TITLES}.length === 1")
    seen = []
    for _ in range(7):
        chromium.press("Tab")
        seen.append(chromium.run("document.activeElement.name || document.activeElement.getAttribute('aria-label')"
                                 " || document.activeElement.textContent.trim()"))  # fmt: skip
    assert seen == [
        "base", "licence", "kind", "Clear", "Pause the preview of Falls", "Falls", "Copy: mivactl install studio/falls",
    ]  # fmt: skip
    assert chromium.run(MOVING) == ["Falls"]
    chromium.press("Escape")
    assert chromium.run(MOVING) == []
    chromium.press("Enter")
    chromium.wait("document.activeElement.textContent === 'Copied'")
    chromium.wait("document.querySelector('.voice').textContent === 'Copied: mivactl install studio/falls'")


def test_who_asks_for_stillness_sees_clips_move_only_at_the_press_of_a_button(chromium: Browser, start: str):
    chromium.emulate(prefers_reduced_motion="reduce")
    chromium.go(f"{start}#q=studio/falls")
    chromium.wait(f"{TITLES}.length === 1")
    chromium.point("#cards h2")
    chromium.run("document.querySelector('#cards h2 a').focus()")
    assert chromium.run(MOVING) == []
    button = "#cards .play"
    assert chromium.run(f"document.querySelector('{button}').getAttribute('aria-label')") == "Play the preview of Falls"
    chromium.click(button)
    assert chromium.run(MOVING) == ["Falls"]
    assert (
        chromium.run(f"document.querySelector('{button}').getAttribute('aria-label')") == "Pause the preview of Falls"
    )
    chromium.click(button)
    assert chromium.run(MOVING) == []


def test_a_finger_on_the_button_starts_a_clip_and_another_stops_it(chromium: Browser, start: str):
    chromium.go(start)
    button = "#cards .card:has([href*=falls]) .play"
    chromium.tap(button)
    chromium.wait(f"{MOVING}.join() === 'Falls'")
    chromium.tap(button)
    chromium.wait(f"{MOVING}.length === 0")


def test_the_command_is_in_the_clipboard_after_one_click(chromium: Browser, start: str):
    chromium.go(start)
    chromium.click("#cards .card:has([href*=falls]) .copy")
    chromium.wait("document.querySelector('.copy.done')")
    # What was copied is read back by pasting it where a person would look for it.
    chromium.run("document.querySelector('[name=q]').focus()")
    chromium.call("Input.dispatchKeyEvent", type="keyDown", key="v", code="KeyV", modifiers=2, commands=["paste"])
    chromium.wait("document.querySelector('[name=q]').value === 'mivactl install studio/falls'")


def test_without_javascript_the_list_is_there_and_links_lead_on(chromium: Browser, start: str):
    chromium.call("Emulation.setScriptExecutionDisabled", value=True)
    try:
        chromium.go(start)
        names = chromium.tree()
        assert ("link", "Falls") in names
        assert ("searchbox", "Search") not in names
        assert not [name for role, name in names if role == "button"]
    finally:
        chromium.call("Emulation.setScriptExecutionDisabled", value=False)


def test_everything_has_a_role_and_a_name_for_a_screen_reader(chromium: Browser, start: str):
    chromium.go(start)
    names = chromium.tree()
    wanted = [
        ("search", "Adapters"),
        ("searchbox", "Search"),
        ("heading", "studio"),
        ("heading", "Falls"),
        ("link", "Falls"),
    ]
    wanted += [("combobox", name) for name in ("Base", "Licence", "Mask")]
    wanted += [("button", name) for name in ("Play the preview of Falls", "Copy: mivactl install studio/falls")]
    assert set(wanted) <= set(names)
    assert not [role for role, name in names if role in {"link", "button", "combobox", "searchbox"} and not name]


def test_nothing_is_asked_of_anybody_else_and_hostile_words_do_nothing(chromium: Browser, start: str):
    origin = start.removesuffix("index.html")
    chromium.go(f"{start}#q=alert")
    chromium.wait(f"{TITLES}.length === 1")
    assert chromium.run(TITLES) == [HOSTILE[:70]]
    assert chromium.run("document.querySelector('.summary').textContent") == HOSTILE
    asked = list(chromium.requested)
    for name in ("evil", "falls", "rain"):
        chromium.go(f"{origin}adapters/studio/{name}/index.html")
        asked += chromium.requested
        assert chromium.complaints == []
    assert [address for address in asked if not address.startswith((origin, "about:blank"))] == []
    assert len(asked) > 12


def test_the_policy_stops_what_a_mistake_of_ours_would_let_in(chromium: Browser, start: str):
    chromium.go(start)
    chromium.run("document.body.insertAdjacentHTML('beforeend',"
                 " '<img src=\"https://tracker.example/x.png\" onerror=\"globalThis.ran = 1\">')")  # fmt: skip
    chromium.wait("document.images[document.images.length - 1].complete")
    chromium.run("new Promise((resolve) => setTimeout(resolve, 100))")
    assert chromium.run("globalThis.ran ?? null") is None
    assert any("Content Security Policy" in text for text in chromium.complaints)
    assert chromium.blocked == ["csp"]


@pytest.mark.parametrize("width", [320, 390, 768, 1600])
def test_no_page_is_wider_than_the_window(chromium: Browser, start: str, width: int):
    chromium.emulate(width=width, height=800)
    for page in ("index.html", "adapters/studio/falls/index.html", "adapters/studio/evil/index.html"):
        chromium.go(start.removesuffix("index.html") + page)
        assert chromium.run("document.documentElement.scrollWidth") <= width, page


def test_twenty_thousand_adapters_are_searched_within_half_a_second(chromium: Browser, tmp_path: Path):
    words = (
        "water",
        "smoke",
        "bird",
        "cloud",
        "river",
        "leaf",
        "snow",
        "rain",
        "horse",
        "wave",
        "dance",
        "smile",
        "pan",
    )

    def card(number: int) -> Card:
        first, second = words[number % len(words)], words[number // len(words) % len(words)]
        return Card(
            name=AdapterName(f"{first}-studio/{second}-{number}"),
            title=f"{second.title()} like {first}, take {number}",
            summary=f"The {second} moves like {first}, slowly at first and then faster, for as long as the clip is",
            versions="1.2.0, 1.1.0",
            state="active",
            bases=("nano", "wan2.1-t2v-1.3b"),
            licences=("Apache-2.0",),
            masked=number % 7 == 0,
            unmasked=True,
            still="webp",
            clip="webp",
            motion=f"{second} moving",
            keywords=f"{first} {second} nature {second} moving",
            more_words=f"{first} {second} the people of {first}-studio",
        )

    cards = [card(number) for number in range(20_000)]
    catalogue = catalogue_script(cards)
    (tmp_path / "catalogue.js").write_bytes(catalogue)
    *_, (name, page) = list_pages("studio", cards)
    (tmp_path / name).write_bytes(html_document(page))
    for asset in ASSETS:
        shutil.copy(Path(mivactl.gallery.__file__).parent / "assets" / asset, tmp_path)
    chromium.emulate()
    chromium.go(f"file://{tmp_path}/index.html#q=river")
    chromium.wait("document.querySelector('#count').textContent.endsWith('of 20,000 adapters')")
    # Of the processor: a machine that is busy with other things makes no search slower here.
    chromium.call("Performance.enable", timeDomain="threadTicks")
    spent = []
    for text in ("w", "wa", "water", "water river", "take 19", "nothing like it", ""):
        before = chromium.busy_seconds()
        chromium.run(f"document.forms[0].q.value = '{text}'")
        chromium.run("document.forms[0].q.dispatchEvent(new Event('input', {bubbles: true}))")
        chromium.run("new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)))")
        spent.append(chromium.busy_seconds() - before)
    assert max(spent) < 0.5, spent
    assert len(gzip.compress(catalogue)) < 1_000_000 < len(catalogue) < 8_000_000
