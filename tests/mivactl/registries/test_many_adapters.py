"""A registry with twenty thousand adapters: searching and resolving read what they need and no more."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from mivactl.operations.planning import plan_for
from mivactl.registry.directory import create_directory_registry
from mivactl.resolve.plan import Plan
from registry_schema.catalog import CatalogBuild, CatalogLine
from registry_schema.names import AdapterName, BaseName, RegistryName
from registry_schema.ref import AdapterRef
from registry_schema.versions import Version
from tests.mivactl.world import World, write_draft

if TYPE_CHECKING:
    from pathlib import Path

COUNT = 20_000
WANTED = tuple(f"wanted/motion{number}" for number in range(8))


def catalog_of(count: int) -> bytes:
    """Lines of `count` adapters, sorted by name."""
    build = CatalogBuild(base=BaseName("nano"), masked=False, version=Version("1.0.0"), size=2_000_000)
    described = {"title": "Falling water", "summary": "Water falls and foams", "motion": "water falling"}
    lines = (
        CatalogLine(name=AdapterName(f"many/motion{number:05}"), licence="Apache-2.0", builds=(build,), **described)
        for number in range(count)
    )
    return b"".join(line.to_bytes() for line in lines)


@pytest.fixture
def crowded(world: World) -> Path:
    """A registry with twenty thousand names in its catalog, and an index for each; eight are whole."""
    root = world.folder / "crowded"
    create_directory_registry(RegistryName("crowded"), root)
    for name in WANTED:
        world.ok("publish", write_draft(world.folder / "drafts" / name, name), "--to", root)
    (root / "catalog.jsonl").write_bytes(catalog_of(COUNT) + (root / "catalog.jsonl").read_bytes())
    folder = root / "index" / "many"
    folder.mkdir()
    for number in range(COUNT):
        (folder / f"motion{number:05}.jsonl").touch()
    world.ok("registry", "add", "crowded", root)
    return root


@pytest.mark.acceptance
@pytest.mark.parametrize(
    ("words", "seen"), [(["motion19999"], "many/motion19999"), (["water"], "many/motion00030"), ([], "many/motion0")]
)
def test_a_search_among_twenty_thousand_takes_half_a_second(world: World, crowded: Path, words: list[str], seen: str):
    world.in_new_process("search", "warm")
    taken = []
    for _ in range(5):
        started = time.perf_counter()
        said = world.in_new_process("search", *words)
        taken.append(time.perf_counter() - started)
        assert seen in said.stdout, said.stderr
    assert sorted(taken)[2] <= 0.5


@pytest.mark.acceptance
def test_eight_references_among_twenty_thousand_are_resolved_in_a_third_of_a_second(world: World, crowded: Path):
    session = world.session()
    started = time.perf_counter()
    plan = plan_for([AdapterRef.parse(name) for name in WANTED], session)
    taken = time.perf_counter() - started
    assert isinstance(plan, Plan)
    assert taken <= 0.3


def test_resolving_reads_the_indexes_of_the_names_asked_for_and_no_catalog(world: World):
    root = world.folder / "registry"
    create_directory_registry(RegistryName("studio"), root)
    world.ok("publish", write_draft(world.folder / "draft", "acme/waterfall"), "--to", root)
    world.ok("registry", "add", "studio", root)
    (root / "catalog.jsonl").write_bytes(b"not a catalog\n")
    world.ok("install", "acme/waterfall")
    said = world.mivactl("search", "--json")
    assert said.exit_code == 5
    assert "catalog.jsonl" in said.error["message"]
