"""`registry site`: a gallery of what a registry has, in which nothing of a registry can become more than text."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from mivactl.crash_point import CRASH_POINTS, VARIABLE
from mivactl.gallery.frame import POLICY
from mivactl.gallery.parts import exact_command
from mivactl.gallery.shown_adapter import read_adapter
from registry_schema.names import AdapterName
from registry_schema.ref import AdapterRef
from tests.mivactl.galleries import new_registry, picture, publish, set_status

if TYPE_CHECKING:
    from mivactl.registry.directory import DirectoryRegistry
    from tests.mivactl.world import World

HOSTILE = """<script>alert(1)</script><img src=x onerror=alert(1)>"'></title><style>*{display:none}</style>"""
HOSTILE_CARD = """---
x: 1
---
# A card

<script>alert(1)</script> <img src="https://tracker.example/pixel.png" onerror="alert(1)">

<iframe src="https://evil.example"></iframe>

<div onclick="alert(1)">

[one](javascript:alert(1)) [two](data:text/html,<script>alert(1)</script>) [three](file:///etc/passwd)
[four](//evil.example/x) [five](vbscript:x) [good](https://example.org/a?b=1&c="d") <https://auto.example>

![a picture](https://tracker.example/pixel.png) ![preview](preview.webp)

`</code><script>alert(1)</script>`

```html"><script>alert(1)</script>
</pre><script>alert(1)</script>
```

| a | b |
|---|---|
| <b>x</b> | \x1b[31mred\u202e |
"""
VOID = {"meta", "link", "img", "input", "br", "hr"}


class Reader(HTMLParser):
    """The elements of a page with their attributes, and its text; open and closed ones must agree."""

    def __init__(self) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.text = ""
        self._open: list[str] = []

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, {name: value or "" for name, value in attributes}))
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag):
        assert self._open.pop() == tag

    def handle_data(self, data):
        self.text += data

    def named(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.elements if name == tag]

    def close(self) -> None:
        super().close()
        assert self._open == []


def read_page(path: Path) -> Reader:
    reader = Reader()
    reader.feed(path.read_text(encoding="utf-8"))
    reader.close()
    return reader


@pytest.fixture
def registry(tmp_path: Path) -> DirectoryRegistry:
    return new_registry(tmp_path / "studio")


def page_of(site: Path, name: str) -> Path:
    return site / "adapters" / name / "index.html"


def catalogue(site: Path) -> dict:
    text = (site / "catalogue.js").read_text(encoding="utf-8")
    quoted = text.removeprefix("globalThis.catalogue = JSON.parse('").removesuffix("');\n")
    return json.loads(re.sub(r"\\(.)", r"\1", quoted))


def test_a_gallery_shows_every_adapter_with_its_versions_bases_and_licence(world: World, registry, tmp_path):
    clip = picture("webp", colours=("red", "green"))
    publish(registry, "studio/falls", "1.0.0")
    publish(registry, "studio/falls", "1.1.0", files={"preview.webp": clip, "README.md": b"# Falls\n\nWater *falls*."})
    publish(registry, "studio/falls", "1.1.0", base="wan", licence="MIT")
    publish(registry, "studio/falls", "1.1.0", masked=True)
    publish(registry, "studio/smoke")
    said = world.ok("registry", "site", registry.root, "--json").data["site"]
    site = registry.root / "site"
    assert (said["adapter_count"], said["start"]) == (2, str(site / "index.html"))
    assert said["left_out"] == []

    start = read_page(site / "index.html")
    for words in (
        "Falls",
        "studio/falls",
        "1.1.0, 1.0.0",
        "wan2.1-t2v-1.3b",
        "masked",
        "MIT",
        "mivactl install studio/smoke",
    ):
        assert words in start.text
    assert {"adapters/studio/falls/index.html", "adapters/studio/smoke/index.html"} <= {
        a["href"] for a in start.named("a")
    }
    assert "adapters/studio/falls/1.still.webp" in {image["src"] for image in start.named("img")}

    page = read_page(page_of(site, "studio/falls"))
    manifest = registry.manifest(registry.lines(AdapterName("studio/falls"))[1])
    for words in (
        "Water ",
        "mivactl install studio/falls@==1.1.0 --base nano --masked",
        *(entry.digest for entry in manifest.files),
    ):
        assert words in page.text
    assert (page_of(site, "studio/falls").parent / "1.clip.webp").read_bytes() == clip
    for path in site.rglob("*.html"):
        for link in (a["href"] for a in read_page(path).named("a") if not a["href"].startswith("#")):
            if "miva/blank" not in link:  # the card that the search fills
                assert (path.parent / link).is_file(), (path, link)


def test_a_command_on_a_page_is_one_that_mivactl_understands(registry):
    publish(registry, "studio/falls", "1.2.0rc1", masked=True)
    build = read_adapter(registry, AdapterName("studio/falls")).lead
    assert exact_command(build) == "mivactl install studio/falls@==1.2.0rc1 --base nano --masked"
    assert AdapterRef.parse("studio/falls@==1.2.0rc1").admits(build.line.version)


def test_the_newest_release_that_is_not_withdrawn_speaks_for_an_adapter(registry):
    for version in ("1.0.0", "1.1.0", "2.0.0a1"):
        publish(registry, "studio/falls", version)
    adapter = read_adapter(registry, AdapterName("studio/falls"))
    assert [str(build.line.version) for build in adapter.builds] == ["1.1.0", "2.0.0a1", "1.0.0"]
    assert adapter.versions == ("2.0.0a1", "1.1.0", "1.0.0")
    assert read_adapter(registry, AdapterName("studio/none")) is None


def test_a_deprecated_and_a_yanked_adapter_say_so_and_why(world: World, registry, tmp_path):
    publish(registry, "studio/old")
    publish(registry, "studio/gone")
    set_status(registry, "studio/old", status="deprecated", note="too slow", successor=AdapterName("studio/falls"))
    set_status(registry, "studio/gone", status="yanked", note="it was <b>broken</b>")
    world.ok("registry", "site", registry.root, "--out", tmp_path / "out")
    old, gone = (read_page(page_of(tmp_path / "out", name)) for name in ("studio/old", "studio/gone"))
    assert "This adapter is deprecated: too slow. In its place: studio/falls." in old.text
    assert "This adapter was yanked, do not use it: it was <b>broken</b>." in gone.text
    assert "mivactl install studio/gone@==1.0.0 --base nano" in gone.text
    classes = [item.get("class", "") for item in read_page(tmp_path / "out" / "index.html").named("p")]
    states = [name for name in classes if name.startswith("state")]
    assert states == ["state deprecated", "state yanked", "state active"]  # the last one is the blank card


def test_hostile_words_and_cards_are_text_and_nothing_else(world: World, registry, tmp_path):
    files = {"README.md": HOSTILE_CARD.encode() + b"\xff\xfe", "LICENSE": HOSTILE.encode()}
    publish(registry, "studio/evil", files=files, title=HOSTILE[:60], summary=HOSTILE, authors=(HOSTILE[:90],))
    publish(registry, "studio/plain", files={"README.md": b"# Plain"})
    world.ok("registry", "site", registry.root, "--out", tmp_path / "out")
    evil, plain = (read_page(page_of(tmp_path / "out", f"studio/{name}")) for name in ("evil", "plain"))
    start = read_page(tmp_path / "out" / "index.html")

    def shape(page: Reader) -> list[str]:
        return [
            tag
            for tag, _ in page.elements
            if tag in {"script", "style", "img", "iframe", "link", "object", "svg", "base"}
        ]

    assert shape(evil) == shape(plain)
    assert HOSTILE in start.text
    assert HOSTILE in evil.text
    assert catalogue(tmp_path / "out")["rows"][0][2] == HOSTILE
    links = {a["href"] for a in evil.named("a") if a.get("rel")}
    assert links == {"https://example.org/a?b=1&c=%22d%22", "https://auto.example"}
    assert all(a["rel"] == "noopener noreferrer nofollow" for a in evil.named("a") if a.get("rel"))
    for page in (evil, plain, start):
        assert [meta["content"] for meta in page.named("meta") if "http-equiv" in meta] == [POLICY]
        assert not [
            name for _, attributes in page.elements for name in attributes if name.startswith("on") or name == "style"
        ]
    assert "\x1b" not in evil.text
    assert "\u202e" not in evil.text


def test_nothing_is_allowed_but_what_lies_beside_the_page():
    allowed = dict(rule.split(" ", 1) for rule in POLICY.split("; "))
    assert allowed.pop("default-src") == "'none'"
    assert set(allowed.values()) == {"'self'", "'none'"}


def test_the_script_makes_no_markup_of_text():
    import mivactl.gallery

    script = (Path(mivactl.gallery.__file__).parent / "assets" / "gallery.js").read_text()
    for way in (
        "innerHTML",
        "outerHTML",
        "insertAdjacentHTML",
        "document.write",
        "eval(",
        "Function(",
        "DOMParser",
        "setHTML",
        "fetch(",
    ):
        assert way not in script


def test_a_preview_is_told_by_its_content_and_never_by_its_name(world: World, registry, tmp_path):
    html, svg = b"<html><script>alert(1)</script>", b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>"
    files = {
        "preview-a.webp": html,
        "preview-b.png": svg,
        "preview-c.mp4": picture("png"),
        "preview-d.gif": picture("gif"),
    }
    publish(registry, "studio/falls", files=files)
    said = world.ok("registry", "site", registry.root, "--out", tmp_path / "out", "--json").data["site"]
    folder = page_of(tmp_path / "out", "studio/falls").parent
    assert {path.name for path in folder.iterdir()} == {"index.html", "1.still.png"}
    assert [line.split(" ")[2] for line in said["left_out"]] == ["preview-a.webp", "preview-b.png", "preview-d.gif"]
    assert (
        "not shown: studio/falls 1.0.0: preview-b.png is not a WebP"
        in world.ok("registry", "site", registry.root, "--out", tmp_path / "out").err
    )


def test_a_second_rendering_replaces_the_first_and_leaves_what_is_not_its_own(world: World, registry, tmp_path):
    site = tmp_path / "out"
    publish(registry, "studio/falls")
    publish(registry, "studio/smoke")
    world.ok("registry", "site", registry.root, "--out", site)
    (site / "CNAME").write_text("adapters.example\n")
    registry.index_path(AdapterName("studio/smoke")).unlink()
    world.ok("registry", "site", registry.root, "--out", site)
    assert (site / "CNAME").read_text() == "adapters.example\n"
    assert [path.name for path in (site / "adapters" / "studio").iterdir()] == ["falls"]
    assert not (site / ".staging").exists()


def test_a_folder_with_something_else_in_it_is_refused_and_left_alone(world: World, registry, tmp_path):
    publish(registry, "studio/falls")
    other = tmp_path / "other"
    (other / "adapters").mkdir(parents=True)
    (other / "adapters" / "thesis.txt").write_text("mine")
    said = world.mivactl("registry", "site", registry.root, "--out", other, "--json")
    assert said.exit_code == 2
    assert "holds something else than a gallery" in said.error["message"]
    assert [path.name for path in other.rglob("*")] == ["adapters", "thesis.txt"]

    second = new_registry(tmp_path / "second", "another")
    world.ok("registry", "site", second.root, "--out", tmp_path / "out")
    said = world.mivactl("registry", "site", registry.root, "--out", tmp_path / "out", "--json")
    assert "holds the gallery of registry `another`, this one is `studio`" in said.error["message"]

    for inside in (registry.root, registry.root / "blobs" / "x", registry.root / "index"):
        said = world.mivactl("registry", "site", registry.root, "--out", inside, "--json")
        assert "lies where the registry keeps its own files" in said.error["message"]

    (tmp_path / "out" / "page").symlink_to(other)
    said = world.mivactl("registry", "site", second.root, "--out", tmp_path / "out", "--json")
    assert "is a link, expected a folder of the gallery" in said.error["message"]
    assert (other / "adapters" / "thesis.txt").exists()


def test_a_read_only_registry_asks_where(world: World, tmp_path):
    new_registry(world.folder / "starter", "starter")
    said = world.mivactl("registry", "site", "starter", "--json")
    assert (said.exit_code, said.error["hint"]) == (9, "say where: `--out FOLDER`")


def test_a_damaged_registry_is_said_and_the_old_gallery_stays(world: World, registry, tmp_path):
    site = tmp_path / "out"
    publish(registry, "studio/falls", files={"README.md": b"first"})
    world.ok("registry", "site", registry.root, "--out", site)
    before = page_of(site, "studio/falls").read_bytes()
    (entry,) = (
        e for e in registry.manifest(registry.lines(AdapterName("studio/falls"))[0]).files if e.kind == "readme"
    )
    registry.blob_path(entry.digest).chmod(0o644)
    registry.blob_path(entry.digest).write_bytes(b"other")
    said = world.mivactl("registry", "site", registry.root, "--out", site, "--json")
    assert said.exit_code == 5
    assert "studio/falls 1.0.0: README.md: digest is" in said.error["message"]
    assert page_of(site, "studio/falls").read_bytes() == before


@pytest.mark.parametrize("point", [point for point in CRASH_POINTS if point.startswith("gallery.")])
def test_a_rendering_that_is_killed_leaves_whole_files_and_is_mended_by_the_next(
    world: World, registry, tmp_path, point
):
    site = tmp_path / "out"
    publish(registry, "studio/falls")
    assert world.in_new_process("registry", "site", registry.root, "--out", site, **{VARIABLE: point}).returncode == 137
    assert not (site / "index.html").exists()
    world.ok("registry", "site", registry.root, "--out", site)
    assert read_page(site / "index.html").named("h1")
    assert not (site / ".staging").exists()


def test_a_long_list_has_pages_that_lead_to_each_other(world: World, registry, tmp_path, monkeypatch):
    monkeypatch.setattr("mivactl.gallery.list_page.CARDS_A_PAGE", 2)
    for name in ("a", "b", "c", "d", "e"):
        publish(registry, f"studio/{name}")
    site = tmp_path / "out"
    world.ok("registry", "site", registry.root, "--out", site)
    path, seen = site / "index.html", []
    while True:
        page = read_page(path)
        seen += re.findall("install studio/([a-e])", page.text)
        following = [a["href"] for a in page.named("a") if a.get("rel") == "next"]
        if not following:
            break
        path = (path.parent / following[0]).resolve()
    assert seen == ["a", "b", "c", "d", "e"]
    assert path.name == "3.html"
