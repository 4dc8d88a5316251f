"""`schema` prints what documents have to look like; the documents mivactl writes do."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import jsonschema
import pytest

from registry_schema.export import DOCUMENTS, FOLDER

if TYPE_CHECKING:
    from tests.mivactl.world import World


def schema(world: World, name: str) -> dict:
    return json.loads(world.ok("schema", name).out)


def test_what_mivactl_writes_follows_the_schemas_it_prints(world: World):
    world.publish()
    world.ok("install", "my/waterfall")
    world.ok("registry", "add", "studio", world.folder / "studio", "--create")
    lock = world.folder / "miva.lock"
    lock.write_text("")
    session = world.session()
    (build,) = session.store.installed()
    session.store.keep_for_project(lock, [build.line.manifest.digest])
    written = {
        "registries": world.home / "registries.json",
        "registry-config": world.home / "registry" / "config.json",
        "index-line": world.home / "registry" / "index" / "my" / "waterfall.jsonl",
        "manifest": session.store.layout.manifest(build.line.manifest.digest),
        "installed": session.store.layout.installed / build.place,
        "projects": session.store.layout.projects,
        "base": world.home / "bases" / "nano" / "base.json",
    }
    for name, path in written.items():
        jsonschema.Draft202012Validator(schema(world, name)).validate(json.loads(path.read_bytes()))
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate({}, schema(world, name))


def test_a_name_without_a_version_means_the_newest(world: World):
    names = world.ok("schema").out.splitlines()
    assert set(DOCUMENTS) < set(names)
    for name in DOCUMENTS:
        assert schema(world, name) == json.loads((FOLDER / f"{name}.json").read_bytes())
    assert schema(world, "manifest") == schema(world, "manifest-1")
    assert world.ok("schema", "preset", "--json").data["schema"] == schema(world, "preset-1")


@pytest.mark.parametrize(("name", "hint"), [("manifset", "did you mean `manifest`?"), ("manifest-9", "did you mean")])
def test_a_document_nobody_knows_is_answered_with_the_nearest(world: World, name: str, hint: str):
    said = world.mivactl("schema", name)
    assert said.exit_code == 3
    assert f"hint: {hint}" in said.err
