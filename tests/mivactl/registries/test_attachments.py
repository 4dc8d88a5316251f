"""What comes after a build was published: previews and reports are added to it, in every registry that declares so."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from typing import TYPE_CHECKING

import pytest
from PIL import Image

from mivactl.content import Content
from mivactl.crash_point import VARIABLE
from mivactl.registry.registry import Capability
from registry_schema.digests import Digest
from registry_schema.names import AdapterName
from tests.mivactl.world import World, masked_spec, tensors, write_draft

if TYPE_CHECKING:
    from pathlib import Path

NAME = AdapterName("acme/waterfall")
FIRST = "acme/waterfall@==1.0.0"


@pytest.fixture
def studio(world: World, place: str) -> str:
    """Where builds are published that come out of the registry under test."""
    world.ok("registry", "add", "studio", place)
    if world.after_change is not None:
        return str(world.folder / "seed")
    assert Capability.ATTACH in world.session().registry("studio").capabilities
    return "studio"


@pytest.fixture
def local(world: World) -> str:
    """A registry in a folder, with one build."""
    world.ok("registry", "init", world.folder / "studio")
    world.ok("registry", "add", "studio", world.folder / "studio")
    publish(world, "studio")
    return "studio"


def publish(world: World, registry: str, version: str = "1.0.0", **changes: object) -> None:
    draft = write_draft(world.folder / "drafts" / version, str(NAME), version, **changes)
    world.ok("publish", draft, "--to", registry)


def picture(path: Path, colour: int = 0, **saved: object) -> Path:
    Image.new("RGB", (8, 5), (colour, 0, 0)).save(path, **saved)
    return path


def report(path: Path, **facts: object) -> Path:
    path.write_text(json.dumps(facts))
    return path


def attached(world: World) -> list[tuple[str, str]]:
    (build,) = world.ok("info", str(NAME), "--json").data["adapter"]["builds"]
    return [(one["file"]["kind"], one["file"]["path"]) for one in build["attachments"]]


def test_what_is_attached_is_found_and_read_and_the_build_stays_as_it_is(world: World, place: str, studio: str):
    publish(world, studio)
    before = world.session().registry("studio").lines(NAME)
    evening, bench = picture(world.folder / "evening.png"), report(world.folder / "bench.json", seconds=1.5)
    said = world.ok("attach", FIRST, "--preview", evening, "--report", bench, "--to", studio)
    assert said.out.splitlines() == [
        "evening.png attached to acme/waterfall 1.0.0 for nano",
        "bench.json attached to acme/waterfall 1.0.0 for nano",
    ]
    assert attached(world) == [("preview", "evening.png"), ("report", "bench.json")]
    assert "evening.png (preview" in world.ok("info", str(NAME)).out
    registry = world.session().registry("studio")
    assert registry.lines(NAME) == before
    for one, path in zip(registry.attachments(NAME), (evening, bench), strict=True):
        with registry.open_file(Content(one.file.digest, one.file.size, one.file.path)) as file:
            assert Digest.of(file.read()) == one.file.digest == Digest.of(path.read_bytes())
    world.ok("install", str(NAME))
    world.ok("verify")


def bench_run(folder: Path, *weights: str, suite: str = "starter") -> Path:
    folder.mkdir()
    numbers = {"suite": suite, "adapters": dict.fromkeys(weights, f"{NAME} 1.0.0"), "metrics": {}}
    report(folder / "summary.json", **numbers)
    return folder


def weights_of(draft: Path) -> str:
    return str(Digest.of((draft / "adapter.safetensors").read_bytes()))


def test_a_draft_is_published_with_its_reports_beside_it(world: World, studio: str):
    draft = write_draft(world.folder / "draft", str(NAME), "1.0.0")
    run = bench_run(world.folder / "run", weights_of(draft))
    speed = report(world.folder / "speed.json", seconds=1.5)
    command = ("publish", draft, "--to", studio, "--report", run, "--report", speed)
    assert "would be published" in world.ok(*command, "--dry-run").out
    said = world.ok(*command).out
    assert [line.split()[0] for line in said.splitlines() if line.endswith("  attached")] == [
        "bench-starter.json",
        "speed.json",
    ]
    assert attached(world) == [("report", "bench-starter.json"), ("report", "speed.json")]
    registry = world.session().registry("studio")
    first = registry.attachments(NAME)[0].file
    with registry.open_file(Content(first.digest, first.size, first.path)) as file:
        assert file.read() == (run / "summary.json").read_bytes()
    assert "was there already" in world.ok(*command).out
    assert len(attached(world)) == 2


def test_a_run_is_attached_later_too(world: World, studio: str):
    publish(world, studio)
    run = bench_run(world.folder / "run", weights_of(world.folder / "drafts" / "1.0.0"), suite="paper-single")
    world.ok("attach", FIRST, "--report", run, "--to", studio)
    assert attached(world) == [("report", "bench-paper-single.json")]


@pytest.mark.parametrize(
    ("spoil", "code", "message", "hint"),
    [
        (
            lambda run: report(run / "summary.json", suite="starter", adapters={}),
            5,
            "no clip made with these weights",
            "took part in",
        ),
        (lambda run: report(run / "summary.json", suite="starter"), 2, "does not say which adapters", "again"),
        (lambda run: (run / "summary.json").unlink(), 3, "holds no finished run", "mivactl bench --suite"),
        (lambda run: (run / "summary.json").write_text("{"), 5, "summary.json: line 1", ""),
    ],
)
def test_nothing_is_published_with_a_run_that_is_not_its_own(world: World, local: str, spoil, code, message, hint):
    draft = write_draft(world.folder / "next", str(NAME), "1.1.0", weights=tensors(seed=1))
    run = bench_run(world.folder / "run", weights_of(draft))
    spoil(run)
    said = world.mivactl("publish", "--json", draft, "--to", local, "--report", run)
    assert said.exit_code == code
    assert message in said.error["message"]
    assert hint in (said.error["hint"] or "")
    (line,) = world.session().registry("studio").lines(NAME)
    assert str(line.version) == "1.0.0"


def test_a_report_does_not_take_the_name_of_a_file_of_the_draft(world: World, local: str):
    draft = write_draft(world.folder / "next", str(NAME), "1.1.0", weights=tensors(seed=1))
    inside, beside = report(draft / "report.json", seconds=1), report(world.folder / "report.json", seconds=2)
    assert inside.is_file()
    said = world.mivactl("publish", "--json", draft, "--to", local, "--report", beside)
    assert said.exit_code == 8
    assert "has a file `report.json` already" in said.error["message"]
    assert len(world.session().registry("studio").lines(NAME)) == 1


def test_what_is_attached_never_changes(world: World, studio: str):
    publish(world, studio)
    evening = picture(world.folder / "evening.png")
    world.ok("attach", FIRST, "--preview", evening, "--to", studio)
    assert "was attached already to" in world.ok("attach", FIRST, "--preview", evening, "--to", studio).out
    picture(evening, colour=200)
    said = world.mivactl("attach", "--json", FIRST, "--preview", evening, "--to", studio)
    assert said.exit_code == 8
    assert "`evening.png` is attached to `acme/waterfall`" in said.error["message"]
    assert said.error["hint"] == "what is attached never changes: give the file another name"
    assert attached(world) == [("preview", "evening.png")]


def test_it_outlives_what_is_published_and_withdrawn_later(world: World, studio: str):
    publish(world, studio)
    world.ok("attach", FIRST, "--preview", picture(world.folder / "evening.png"), "--to", studio)
    world.ok("yank", FIRST, "--registry", studio, "--reason", "moves the sky")
    publish(world, studio, "1.1.0", weights=tensors(seed=1))
    assert attached(world) == []  # of the newest
    registry = world.session().registry("studio")
    (one,) = registry.attachments(NAME)
    first = next(line for line in registry.lines(NAME) if str(line.version) == "1.0.0")
    assert (one.manifest, first.status) == (first.manifest.digest, "yanked")


def test_it_moves_to_another_place_with_its_build(world: World, place: str, studio: str):
    publish(world, studio)
    world.ok("attach", FIRST, "--report", report(world.folder / "bench.json"), "--to", studio)
    copy = world.folder / "copy"
    assert world.ok("registry", "sync", "--json", place, copy).data["synced"]["new_builds"] == 1
    world.ok("attach", FIRST, "--preview", picture(world.folder / "evening.png"), "--to", studio)
    world.ok("registry", "sync", place, copy)
    origin = world.session().registry("studio").attachments(NAME)
    world.ok("registry", "remove", "studio")
    world.ok("registry", "add", "copy", copy)
    assert attached(world) == [("report", "bench.json"), ("preview", "evening.png")]
    registry = world.session().registry("copy")
    assert registry.attachments(NAME) == origin
    for one in origin:
        with registry.open_file(Content(one.file.digest, one.file.size, one.file.path)) as file:
            assert Digest.of(file.read()) == one.file.digest


@pytest.mark.filterwarnings("ignore:Use 'content=<...>' to upload raw bytes:DeprecationWarning")
def test_nobodys_attachment_is_lost_where_writers_compare(world: World, studio: str):
    registry = world.session().registry("studio")
    if studio == "studio" and Capability.COMPARE_AND_SWAP not in registry.capabilities:
        pytest.skip("this kind does not compare")
    publish(world, studio)
    reports = [report(world.folder / f"bench{number}.json", number=number) for number in range(3)]
    with ThreadPoolExecutor(3) as writers:
        ended = list(
            writers.map(lambda path: world.in_new_process("attach", FIRST, "--report", path, "--to", studio), reports)
        )
    assert [process.returncode for process in ended] == 3 * [0], [process.stderr for process in ended]
    if world.after_change is not None:
        world.ok(*world.after_change)
    assert sorted(attached(world)) == [("report", f"bench{number}.json") for number in range(3)]


def test_a_preview_goes_out_without_its_metadata(world: World, local: str):
    exif = Image.Exif()
    exif[0x010E] = "at home, 52.1 N"
    evening = picture(world.folder / "evening.png", exif=exif)
    said = world.ok("attach", FIRST, "--preview", evening, "--to", local)
    assert "without its metadata" in said.err
    (one,) = world.session().registry(local).attachments(NAME)
    with world.session().registry(local).open_file(Content(one.file.digest, one.file.size, "it")) as file:
        content = file.read()
    assert b"at home" not in content
    assert b"at home" in evening.read_bytes()
    assert Image.open(BytesIO(content)).size == (8, 5)


def test_a_signed_registry_is_signed_again_with_what_is_attached(world: World, local: str):
    folder = world.folder / "studio"
    world.ok("registry", "sign", folder)
    world.ok("attach", FIRST, "--report", report(world.folder / "bench.json", seconds=2), "--to", local)
    assert attached(world) == [("report", "bench.json")]
    index = folder / "index" / "acme" / "waterfall.jsonl"
    index.write_bytes(index.read_bytes().replace(b"bench.json", b"forge.json"))
    said = world.mivactl("info", "--json", str(NAME))
    assert said.exit_code == 5
    assert "index/acme/waterfall.jsonl" in said.error["message"]


def test_the_mirror_of_a_signed_registry_has_it_byte_for_byte(world: World, local: str):
    studio, mirror = world.folder / "studio", world.folder / "mirror"
    world.ok("registry", "sign", studio)
    world.ok("attach", FIRST, "--report", report(world.folder / "bench.json"), "--to", local)
    world.ok("registry", "sync", studio, mirror)
    publish(world, local, "1.1.0", weights=tensors(seed=1))
    world.ok("attach", "acme/waterfall@==1.1.0", "--preview", picture(world.folder / "evening.png"), "--to", local)
    world.ok("registry", "sync", studio, mirror)
    world.ok("registry", "remove", "studio")
    world.ok("registry", "add", "mirror", mirror)
    assert attached(world) == [("preview", "evening.png")]  # its signed state holds, or this would be refused
    path = "index/acme/waterfall.jsonl"
    assert (mirror / path).read_bytes() == (studio / path).read_bytes()


def test_the_gallery_shows_it(world: World, local: str):
    world.ok("attach", FIRST, "--preview", picture(world.folder / "evening.png"), "--to", local)
    world.ok("attach", FIRST, "--report", report(world.folder / "bench.json"), "--to", local)
    world.ok("registry", "site", world.folder / "studio", "--out", world.folder / "site")
    page = (world.folder / "site" / "adapters" / "acme" / "waterfall" / "index.html").read_text()
    assert "preview, attached 20" in page
    assert "report, attached 20" in page
    assert "1.still.png" in page
    still = world.folder / "site" / "adapters" / "acme" / "waterfall" / "1.still.png"
    with Image.open(still) as shown:
        assert shown.size == (8, 5)


@pytest.mark.parametrize("point", ["registry.blob-placed", "registry.index-placed"])
def test_one_killed_on_the_way_is_done_or_not_done(world: World, local: str, point: str):
    bench = report(world.folder / "bench.json")
    killed = world.in_new_process("attach", FIRST, "--report", bench, "--to", local, **{VARIABLE: point})
    assert killed.returncode == 137, killed.stderr
    assert attached(world) == ([("report", "bench.json")] if point == "registry.index-placed" else [])
    world.ok("attach", FIRST, "--report", bench, "--to", local)
    assert attached(world) == [("report", "bench.json")]


@pytest.mark.parametrize(
    ("content", "name", "option", "exit_code", "error"),
    [
        (b"\x89PNG\r\n\x1a\nbroken", "evening.png", "--preview", 2, "is broken"),
        (b"plain", "evening.png", "--preview", 2, "does not hold what its name says"),
        (b"plain", "evening.txt", "--preview", 2, "is no preview"),
        (b"{", "bench.json", "--report", 5, "is not JSON"),
        (b'{"token": "hf_' + 34 * b"a" + b'"}', "bench.json", "--report", 9, "would show it to everybody"),
        (b"{}", "README.md", "--report", 8, "has a file `README.md` already"),
        (b"{}", ".bench.json", "--report", 5, "is not a plain file name"),
    ],
)
def test_what_can_not_be_attached_is_refused(world: World, local: str, content, name, option, exit_code, error):  # noqa: PLR0917
    (world.folder / name).write_bytes(content)
    said = world.mivactl("attach", "--json", FIRST, option, world.folder / name, "--to", local)
    assert (said.exit_code, error in said.error["message"]) == (exit_code, True), said.error
    assert attached(world) == []


def test_one_build_is_meant(world: World, local: str):
    publish(world, local, "1.1.0", spec=masked_spec())
    write = report(world.folder / "bench.json")
    for arguments, exit_code, error in (
        (("acme/waterfall", "--report", write), 2, "does not say which version"),
        (("acme/waterfall@>=1", "--report", write), 2, "expected one build"),
        (("acme/waterfall@==2.0.0", "--report", write), 3, "no build of"),
        ((FIRST,), 2, "nothing to attach"),
        ((FIRST, "--report", world.folder / "nothing.json"), 3, "no file"),
        ((FIRST, "--report", write, "--to", "starter"), 9, "is read-only"),
    ):
        said = world.mivactl("attach", "--json", *arguments, *(() if "--to" in arguments else ("--to", local)))
        assert (said.exit_code, error in said.error["message"]) == (exit_code, True), said.error
    said = world.ok("attach", "acme/waterfall@>=1", "--masked", "--report", write, "--to", local)
    assert said.out == "bench.json attached to acme/waterfall 1.1.0 for nano, masked\n"
