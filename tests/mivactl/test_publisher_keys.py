"""Publishers' keys: made once, kept from others, pinned at first sight, and never exchanged in silence."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mivactl.operations.install import InstallOptions, install
from mivactl.operations.publish import publish
from mivactl.operations.verify import verify
from mivactl.trust.ed25519 import SigningKey, is_signed
from mivactl.trust.publishers import Publishers, check_publisher
from mivactl.trust.signed_bytes import require_signed, sign, signers
from registry_schema.errors import IntegrityProblem, KeyChanged
from registry_schema.names import AdapterName
from registry_schema.ref import AdapterRef
from registry_schema.signatures import PublicKey, Signature, SignatureValue
from tests.mivactl.world import World, write_draft

if TYPE_CHECKING:
    from pathlib import Path

    from registry_schema.digests import Digest
    from registry_schema.manifest import Manifest

NAME = AdapterName("my/waterfall")
ONE, TWO, THREE = (SigningKey.generate(name) for name in ("one", "two", "three"))


@settings(deadline=None, max_examples=50)
@given(st.binary(max_size=200), st.data())
def test_a_signature_is_of_exactly_these_bytes(data: bytes, draw: st.DataObject):
    signature = ONE.sign(data)
    assert is_signed(data, signature)
    place = draw.draw(st.integers(0, len(data)))
    assert not is_signed(data[:place] + b"x" + data[place:], signature)
    assert not is_signed(data, Signature(key=TWO.public, value=signature.value))


def test_the_published_test_vector_of_the_standard():
    """RFC 8032, section 7.1, test 2."""
    key = PublicKey("ed25519:3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c")
    value = SignatureValue(
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
        "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
    )
    assert is_signed(b"\x72", Signature(key=key, value=value))
    assert not is_signed(b"\x73", Signature(key=key, value=value))


def test_a_threshold_counts_keys_that_count():
    data = b"state"
    keys = (ONE.public, TWO.public)
    require_signed(data, sign(data, (ONE, TWO, THREE)), keys, threshold=2, source="root.json")
    with pytest.raises(IntegrityProblem, match="1 of the registry's 2 keys signed it, expected 2"):
        require_signed(data, sign(data, (ONE, THREE)), keys, threshold=2, source="root.json")
    with pytest.raises(IntegrityProblem, match="is not of these bytes"):
        require_signed(data + b"!", sign(data, (ONE, TWO)), keys, threshold=1, source="root.json")
    assert signers(data, sign(data, (TWO, ONE)), source="x") == (TWO.public, ONE.public)


def test_the_bytes_of_a_manifest_are_not_looked_into_before_the_signature():
    hostile = b"{" * 70_000
    with pytest.raises(IntegrityProblem, match="is not of these bytes"):
        check_publisher(NAME, hostile, sign(b"other", (ONE,)), Publishers(), required=False)
    assert check_publisher(NAME, hostile, sign(hostile, (ONE,)), Publishers(), required=False) == ONE.public


def test_a_namespace_keeps_the_key_it_was_met_with():
    data = b"manifest"
    known = Publishers().with_key("my", ONE.public)
    assert check_publisher(NAME, data, sign(data, (ONE,)), known, required=False) == ONE.public
    assert check_publisher(NAME, data, sign(data, (TWO, ONE)), known, required=False) == ONE.public
    with pytest.raises(KeyChanged) as caught:
        check_publisher(NAME, data, sign(data, (TWO,)), known, required=False)
    assert ONE.public in caught.value.message
    assert TWO.public in caught.value.message
    assert f"`mivactl keys trust my {TWO.public}`" in str(caught.value.hint)
    with pytest.raises(KeyChanged, match="is not signed"):
        check_publisher(NAME, data, None, known, required=False)
    assert check_publisher(NAME, data, sign(data, (TWO,)), known.with_key("my", TWO.public), required=False)
    assert check_publisher(NAME, data, None, known.without("my"), required=False) is None


def test_the_first_publication_makes_a_key_that_only_its_owner_can_read(world: World):
    world.publish()
    (path,) = (world.home / "keys").iterdir()
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    (own,) = world.ok("keys", "list", "--json").data["own"]
    (publisher,) = world.ok("keys", "list", "--json").data["publishers"]
    assert publisher == {"namespace": "my", "keys": [own["key"]]}
    assert "PRIVATE" not in world.ok("keys", "list").out


def test_a_key_that_others_can_read_is_not_used(world: World):
    world.publish()
    (path,) = (world.home / "keys").iterdir()
    path.chmod(0o644)
    said = world.mivactl("publish", write_draft(world.folder / "next", version="1.1.0"))
    assert said.exit_code == 9
    assert f"hint: run `chmod 600 {path}`" in said.err


def test_a_key_is_never_written_over(world: World):
    world.ok("keys", "new", "release")
    before = (world.home / "keys" / "release.pem").read_bytes()
    assert world.mivactl("keys", "new", "release").exit_code == 8
    assert world.mivactl("keys", "new", "../x").exit_code == 2
    assert (world.home / "keys" / "release.pem").read_bytes() == before
    assert [path.name for path in (world.home / "keys").iterdir()] == ["release.pem"]


@pytest.mark.skipif(os.name == "nt", reason="symbolic links")
def test_a_link_is_not_a_key(world: World):
    world.ok("keys", "new", "real")
    (world.home / "keys" / "link.pem").symlink_to(world.home / "keys" / "real.pem")
    assert world.mivactl("keys", "rotate", "link").exit_code == 3


def manifest_and_signature(world: World) -> tuple[Path, Path]:
    (signature,) = (world.home / "registry" / "manifests").rglob("*.sig")
    return signature.with_suffix(""), signature


def test_a_changed_key_is_refused_until_it_is_accepted(world: World):
    world.publish()
    world.ok("install", "my/waterfall")
    world.ok("uninstall", "my/waterfall")
    manifest, signature = manifest_and_signature(world)
    signature.write_bytes(sign(manifest.read_bytes(), (TWO,)))
    said = world.mivactl("install", "my/waterfall")
    assert said.exit_code == 5
    assert "error: `my/waterfall` is signed with `ed25519:" in said.err
    assert world.ok("list", "--json").data["adapters"] == []
    (command,) = [line.split("`")[1] for line in said.err.splitlines() if line.startswith("hint: ask them")]
    world.ok(*command.split()[1:])
    world.ok("install", "my/waterfall")


@pytest.mark.parametrize("damage", ["removed", "of other bytes", "no signature at all"])
def test_a_signature_that_was_tampered_with_stops_the_installation(world: World, damage: str):
    world.publish()
    _, signature = manifest_and_signature(world)
    if damage == "removed":
        signature.unlink()
    else:
        signature.write_bytes(sign(b"other", (ONE,)) if damage == "of other bytes" else b"{}")
    said = world.mivactl("install", "my/waterfall")
    assert said.exit_code == 5, said.err
    assert not (world.home / "store" / "installed").exists()


def test_what_nobody_signed_installs_with_a_note_and_pins_nothing(world: World):
    world.publish()
    world.ok("keys", "forget", "my")
    _, signature = manifest_and_signature(world)
    signature.unlink()
    said = world.ok("install", "my/waterfall")
    assert "my/waterfall is not signed: nobody vouches for it" in said.err
    assert world.ok("keys", "list", "--json").data["publishers"] == []
    assert "1 of them were not signed by anybody" in world.ok("verify").err


def test_verify_asks_again_who_speaks_for_a_namespace(world: World):
    world.publish()
    world.ok("install", "my/waterfall")
    world.ok("verify")
    world.ok("keys", "forget", "my")
    world.ok("keys", "trust", "my", TWO.public)
    said = world.mivactl("verify")
    assert said.exit_code == 5
    assert "`miva.json` is not vouched for: `my/waterfall` is signed with" in said.err


def test_after_a_rotation_those_who_know_the_old_key_are_not_alarmed(world: World):
    world.publish()
    old = world.session().trust.publishers()
    rotated = world.ok("keys", "rotate", "--json").data["rotation"]
    assert rotated["retired"] == "default-1"
    world.publish(version="1.1.0")
    signatures = [path.read_bytes() for path in (world.home / "registry" / "manifests").rglob("*.sig")]
    newest = max(signatures, key=len)
    manifest = next(
        path.with_suffix("").read_bytes()
        for path in (world.home / "registry" / "manifests").rglob("*.sig")
        if path.read_bytes() == newest
    )
    assert signers(manifest, newest, source="x") == (rotated["new"], rotated["old"])
    assert check_publisher(NAME, manifest, newest, old, required=False) == rotated["old"]
    assert world.mivactl("keys", "rotate", "default-1").exit_code == 8


def test_the_adapters_that_come_with_mivactl_need_no_key(world: World):
    session = world.session()
    draft = write_draft(world.folder / "draft", "miva/waterfall")
    publish(draft, session, to=str(world.folder / "starter"))
    assert not list((world.folder / "starter").rglob("*.sig"))
    (step,) = install([AdapterRef.parse("waterfall")], world.session(), InstallOptions()).steps
    assert step.publisher is None
    assert not world.session().trust.publishers().namespaces


def test_a_build_that_is_uninstalled_while_it_is_verified_is_no_problem(world: World, monkeypatch: pytest.MonkeyPatch):
    world.publish()
    world.ok("install", "my/waterfall")
    session = world.session()
    read = session.store.manifest

    def read_and_lose(digest: Digest) -> Manifest:
        manifest = read(digest)
        world.ok("uninstall", "my/waterfall")
        return manifest

    monkeypatch.setattr(session.store, "manifest", read_and_lose)
    assert verify((), session).problems == ()
