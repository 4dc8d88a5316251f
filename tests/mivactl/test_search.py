"""Searching: what is found and in which order is the same as if every line of every catalog were read as a whole."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mivactl.operations.search import search
from mivactl.registry.directory import create_directory_registry
from registry_schema.catalog import CatalogBuild, CatalogLine
from registry_schema.errors import SchemaError
from registry_schema.names import AdapterName, BaseName, RegistryName
from registry_schema.versions import Version

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tests.mivactl.world import World

WORDS = ("water", "Wasser", "fällt", "sky", "na", 'the "sea"', "no-such")
some_words = st.lists(st.sampled_from(WORDS), min_size=1, max_size=3).map(" ".join)


@st.composite
def catalog_lines(draw: st.DrawFn) -> CatalogLine:
    builds = draw(
        st.lists(
            st.tuples(st.sampled_from(["nano", "wan"]), st.booleans(), st.sampled_from(["1.0.0", "1.10.0", "1.9.0"])),
            max_size=3,
            unique_by=lambda build: build[:2],
        )
    )
    return CatalogLine(
        name=AdapterName(draw(st.sampled_from(["a", "acme", "water"])) + "/" + draw(st.sampled_from("abcdefgh"))),
        title=draw(some_words),
        summary=draw(some_words),
        motion=draw(some_words),
        licence="Apache-2.0",
        tags=tuple(draw(st.sets(st.sampled_from(["water", "sky", "na"])))),
        subjects=tuple(draw(st.lists(some_words, max_size=2))),
        builds=tuple(
            CatalogBuild(base=BaseName(base), masked=masked, version=Version(version), size=1000)
            for base, masked, version in builds
        ),
    )


catalogs = st.lists(catalog_lines(), max_size=8, unique_by=lambda line: line.name)


def slowly(
    lines: Sequence[tuple[str, CatalogLine]], words: Sequence[str], base: str | None, masked: bool | None
) -> list[tuple[str, str, str]]:
    """What a search has to find, from lines that were read as a whole, by the registry each is in; earlier ones win."""
    answers: dict[str, tuple[str, CatalogLine]] = {}
    for registry, line in lines:
        answers.setdefault(line.name, (registry, line))
    ranked = []
    for registry, line in answers.values():
        texts = (
            str(line.name),
            " ".join((*line.tags, line.motion)),
            " ".join((line.title, line.summary, *line.subjects, *line.authors)),
        )
        places = [[word.lower() in text.lower() for text in texts] for word in words]
        builds = [build for build in line.builds if base in {None, build.base} and masked in {None, build.masked}]
        if builds and all(any(place) for place in places):
            rank = sum(place.index(True) for place in places)
            ranked.append((rank, str(line.name), str(max(build.version for build in builds)), registry))
    return [(name, version, registry) for _, name, version, registry in sorted(ranked)]


@given(
    first=catalogs,
    second=catalogs,
    words=st.lists(st.sampled_from([*WORDS, "WATER", "acme/", "fä"]), max_size=2),
    builds=st.tuples(st.sampled_from([None, "nano", "wan"]), st.sampled_from([None, True, False])),
    limit=st.integers(1, 12),
)
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_reading_little_finds_what_reading_everything_finds(two: World, first, second, words, builds, limit):
    base, masked = builds
    offered = [*(("first", line) for line in first), *(("second", line) for line in second)]
    for name, lines in (("first", first), ("second", second)):
        ordered = sorted(lines, key=lambda line: line.name)
        (two.folder / name / "catalog.jsonl").write_bytes(b"".join(line.to_bytes() for line in ordered))
        folder = two.folder / name / "index"
        for line in lines:
            (folder / line.name.namespace).mkdir(parents=True, exist_ok=True)
            (folder / line.name.namespace / f"{line.name.name}.jsonl").touch()
    expected = slowly(offered, words, base, masked)
    found = search(words, two.session(), base=base, masked=masked, limit=limit)
    assert [(one.name, one.version, one.registry) for one in found.adapters] == expected[:limit]
    assert found.more == max(0, len(expected) - limit)
    for path in (two.folder / "first" / "index", two.folder / "second" / "index"):
        for file in path.rglob("*.jsonl"):
            file.unlink()


@pytest.fixture
def two(world: World) -> World:
    """A world with two registries, asked in this order."""
    for name in ("first", "second"):
        create_directory_registry(RegistryName(name), world.folder / name)
        world.ok("registry", "add", name, world.folder / name)
    return world


def many(count: int) -> list[CatalogLine]:
    build = CatalogBuild(base=BaseName("nano"), masked=False, version=Version("1.0.0"), size=1000)
    return [
        CatalogLine(
            name=AdapterName(f"many/motion{number:03}"),
            title="Water",
            summary="It falls",
            motion="water falling",
            licence="Apache-2.0",
            builds=(build,),
        )
        for number in range(count)
    ]


def write_catalog(root: Path, lines: Sequence[CatalogLine]) -> None:
    (root / "catalog.jsonl").write_bytes(b"".join(line.to_bytes() for line in lines))


def test_fifty_are_shown_and_how_many_more_there_are_is_said(two: World):
    write_catalog(two.folder / "first", many(70))
    said = two.ok("search", "many/")
    assert len(said.out.splitlines()) == 1 + 50
    assert "and 20 more: add a word, or `--all`" in said.err
    assert two.ok("search", "many/", "--json").data["more"] == 20
    said = two.ok("search", "many/", "--all")
    assert len(said.out.splitlines()) == 1 + 70
    assert "more" not in said.err
    assert [one["name"] for one in two.ok("search", "many/", "--limit", "2", "--json").data["adapters"]] == [
        "many/motion000",
        "many/motion001",
    ]


def test_a_word_written_with_escapes_is_found(two: World):
    (line,) = many(1)
    row = line.to_bytes().replace(b'"Water"', rb'"\u0057ater\u00e4"').replace(b"water falling", b"moves")
    (two.folder / "first" / "catalog.jsonl").write_bytes(row)
    assert [one.name for one in search(["waterä"], two.session()).adapters] == ["many/motion000"]


@pytest.mark.parametrize(
    ("valid", "damaged"),
    [(b'"title":"Water"', b'"title":5'), (b'"builds":[', b'"builds":[7,'), (b'"v":1', b'"v":"1"'), (b"{", b"[")],
)
def test_a_row_that_is_none_is_an_error_and_not_passed_over(two: World, valid: bytes, damaged: bytes):
    (line,) = many(1)
    (two.folder / "first" / "catalog.jsonl").write_bytes(line.to_bytes().replace(valid, damaged))
    with pytest.raises(SchemaError, match=r"catalog\.jsonl"):
        search([], two.session())


def test_what_is_shown_is_checked(two: World):
    lines = many(2)
    hostile = lines[0].to_bytes().replace(b'"Water"', b'"Water\\u001b[2J"')
    (two.folder / "first" / "catalog.jsonl").write_bytes(hostile + lines[1].to_bytes())
    said = two.mivactl("search", "water", "--json")
    assert said.exit_code == 5
    assert "title" in said.error["message"]


def test_rows_of_a_newer_format_are_passed_over(two: World):
    lines = many(2)
    newer = b'{"v":2,"name":["another","kind","of","line"]}\n'
    (two.folder / "first" / "catalog.jsonl").write_bytes(lines[0].to_bytes() + newer + lines[1].to_bytes())
    assert len(search([], two.session()).adapters) == 2
