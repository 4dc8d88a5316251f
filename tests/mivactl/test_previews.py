"""A preview is published and installed with the receipt that made it, which must be of the adapter's own weights."""

from __future__ import annotations

import json

from registry_schema.receipt import Receipt
from tests.mivactl.previews import add_preview
from tests.mivactl.world import World, write_draft
from tests.registry_schema.samples import digest


def test_a_preview_and_its_receipt_are_published_installed_and_shown(world: World):
    draft = write_draft(world.folder / "draft")
    receipt = add_preview(draft)
    published = world.ok("publish", "--json", draft).data["publication"]
    kinds = {file["path"]: file["kind"] for file in published["files"]}
    assert kinds["preview.webp"] == "preview"
    assert kinds["preview.webp.json"] == "receipt"
    assert published["left_out"] == []

    world.ok("install", "my/waterfall")
    store = world.session().store
    (build,) = store.installed()
    files = {str(entry.path): entry for entry in store.manifest(build.line.manifest.digest).files}
    installed = Receipt.parse(store.file(build, files["preview.webp.json"]).read_bytes())
    installed.verify()
    assert installed == receipt
    assert store.file(build, files["preview.webp"]).read_bytes() == (draft / "preview.webp").read_bytes()
    assert "preview.webp with its receipt" in world.ok("info", "my/waterfall").out


def test_a_preview_needs_no_receipt_and_a_receipt_without_its_preview_stays_at_home(world: World):
    draft = write_draft(world.folder / "draft")
    add_preview(draft)
    (draft / "preview.webp").rename(draft / "preview-2.webp")
    said = world.ok("publish", "--json", draft).data["publication"]
    assert "preview-2.webp" in {file["path"] for file in said["files"]}
    assert said["left_out"] == ["preview.webp.json"]
    shown = world.ok("info", "my/waterfall").out
    assert "preview-2.webp" in shown
    assert "with its receipt" not in shown


def test_an_edited_receipt_is_refused(world: World):
    draft = write_draft(world.folder / "draft")
    add_preview(draft)
    place = draft / "preview.webp.json"
    facts = json.loads(place.read_text())
    facts["settings"]["seed"] += 1
    place.write_text(json.dumps(facts))
    said = world.mivactl("publish", "--json", draft)
    assert said.exit_code == 5
    assert "receipt: digest is" in said.error["message"]


def test_a_receipt_of_other_weights_is_refused(world: World):
    draft = write_draft(world.folder / "draft")
    add_preview(draft, weights=digest("other"))
    said = world.mivactl("publish", "--json", draft)
    assert said.exit_code == 5
    assert "`preview.webp.json` is the receipt of a clip made with other weights" in said.error["message"]
    assert not (world.home / "registry" / "index").exists()
