"""Look-alike names at publish and at install: refused, asked about, or let through because the owner is the same."""

from __future__ import annotations

from mivactl.trust.key_files import KeyFolder
from tests.mivactl.world import World, write_draft


def another_publisher(world: World) -> None:
    """From here on somebody else publishes: the keys and what they speak for are gone."""
    keys = KeyFolder(world.home / "keys")
    (keys.folder / "default.pem").rename(world.folder / "put-away.pem")


def test_a_name_that_resembles_somebody_elses_is_not_published(world: World):
    world.publish("acme/night-rain")
    another_publisher(world)
    said = world.mivactl("publish", write_draft(world.folder / "squat", "other/night-ra1n"))
    assert said.exit_code == 9
    assert "error: `other/night-ra1n` looks the same at a glance as `acme/night-rain`, which somebody else" in said.err
    said = world.mivactl("publish", write_draft(world.folder / "slip", "other/night-rains"))
    assert "is one letter away from" in said.err
    assert not (world.home / "registry" / "index" / "other").exists()
    world.publish("other/night-rain")


def test_the_same_owner_may(world: World):
    world.publish("acme/night-rain")
    world.publish("acme/night-rains")
    world.publish("acme-labs/night-rains2")


def test_a_namespace_that_resembles_a_kept_one_is_not_published(world: World):
    for namespace in ("m1va", "mi-va", "officia1", "officlal"):
        said = world.mivactl("publish", write_draft(world.folder / namespace, f"{namespace}/night-rain"))
        assert said.exit_code == 9, namespace
        assert "which is kept" in said.err


def test_installing_the_younger_of_two_look_alikes_has_to_be_meant(world: World):
    world.publish("acme/night-rain")
    another_publisher(world)
    world.ok("registry", "add", "elsewhere", world.folder / "elsewhere", "--create")
    draft = write_draft(world.folder / "squat", "other/nightrain")
    index = world.home / "registry" / "index" / "acme" / "night-rain.jsonl"
    line = index.read_text()
    world.ok("publish", draft, "--to", "elsewhere")
    younger = line.replace('"published":"20', '"published":"19')
    index.write_text(younger)
    said = world.mivactl("install", "other/nightrain")
    assert said.exit_code == 9
    assert "error: `other/nightrain` looks the same at a glance as `acme/night-rain`, which is older" in said.err
    assert "hint: did you mean `mivactl install acme/night-rain`? add `--yes` if not\n" in said.err
    world.ok("install", "other/nightrain", "--yes")
    world.ok("install", "acme/night-rain")
