"""Registries that were damaged or are hostile: each is one clear error, and nothing is installed."""

from __future__ import annotations

import json
import struct
import time
from typing import TYPE_CHECKING

import numpy as np
import psutil
import pytest

from mivactl.trust.signed_bytes import sign
from registry_schema.digests import Digest
from registry_schema.errors import IntegrityProblem
from registry_schema.safetensors_header import read_header
from tests.mivactl.world import World, tensors, write_draft
from tests.registry_schema.samples import base_spec

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def registry_file(world: World, pattern: str) -> Path:
    files = [path for path in (world.home / "registry").glob(pattern) if path.is_file()]
    return max(files, key=lambda path: path.stat().st_size)


def rewrite(pattern: str, edit: Callable[[bytes], bytes]) -> Callable[[World], None]:
    def damage(world: World) -> None:
        path = registry_file(world, pattern)
        content = edit(path.read_bytes())
        path.chmod(0o644)
        path.write_bytes(content)

    return damage


def edit_line(**fields: object) -> Callable[[bytes], bytes]:
    return lambda content: json.dumps(json.loads(content) | fields).encode() + b"\n"


def with_manifest(edit: Callable[[dict], None]) -> Callable[[World], None]:
    """A hostile publisher: another manifest, signed, with an index line that has its right digest."""

    def damage(world: World) -> None:
        content = json.loads(registry_file(world, "manifests/*/*/*").read_bytes())
        edit(content)
        data = json.dumps(content).encode()
        digest = Digest.of(data)
        target = world.home / "registry" / "manifests" / "sha256" / digest.hex[:2] / digest.hex[2:]
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
        target.with_name(f"{target.name}.sig").write_bytes(sign(data, world.session().keys.all()))
        index = registry_file(world, "index/*/*.jsonl")
        index.write_bytes(edit_line(manifest={"digest": digest, "size": len(data)})(index.read_bytes()))

    return damage


def with_weights(content: bytes, tensors_count: int) -> Callable[[World], None]:
    """A hostile publisher: hostile weights under a manifest and an index line with their right digests."""

    def damage(world: World) -> None:
        digest = Digest.of(content)
        target = world.home / "registry" / "blobs" / "sha256" / digest.hex[:2] / digest.hex[2:]
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)

        def point(manifest: dict) -> None:
            entry = next(entry for entry in manifest["files"] if entry["kind"] == "weights")
            entry.update(digest=digest, size=len(content))
            manifest["tensors"]["count"] = tensors_count

        with_manifest(point)(world)
        index = registry_file(world, "index/*/*.jsonl")
        line = json.loads(index.read_bytes())
        line["weights"].update(digest=digest, size=len(content))
        index.write_text(json.dumps(line) + "\n")

    return damage


def flipped(content: bytes) -> bytes:
    return content[:-1] + bytes([content[-1] ^ 1])


def names(*more: str) -> bytes:
    """A sound weights file with these tensors beside the usual ones."""
    from safetensors.numpy import save

    return save({**tensors(), **{name: np.zeros(2, np.float32) for name in more}})


def million_empty_tensors() -> bytes:
    entry = '"{}":{{"dtype":"F32","shape":[0],"data_offsets":[0,0]}}'
    header = ("{" + ",".join(entry.format(number) for number in range(1_000_000)) + "}").encode()
    return struct.pack("<Q", len(header)) + header


REGISTRIES = {
    "changed byte": (rewrite("blobs/*/*/*", flipped), 5, "its manifest states `sha256:", "do not use it"),
    "truncated": (rewrite("blobs/*/*/*", lambda content: content[:-3]), 5, "adapter.safetensors: ", "hostile: do not"),
    "too long": (rewrite("blobs/*/*/*", lambda content: content + b"x"), 5, "adapter.safetensors: ", "hostile: do not"),
    "changed manifest": (rewrite("manifests/*/*/*", flipped), 5, "the index says `sha256:", "the registry is damaged"),
    "cut index line": (rewrite("index/*/*.jsonl", lambda content: content[:-9]), 5, "has no newline", ""),
    "another's index line": (rewrite("index/*/*.jsonl", edit_line(name="my/other")), 5, "lists `my/other`", "tell the"),
    "newer line": (rewrite("index/*/*.jsonl", edit_line(v=2)), 3, "a format newer than this", "--upgrade mivactl"),
    "index line in no format": (rewrite("index/*/*.jsonl", edit_line(v="x")), 5, "v `x` is not a format", ""),
    "missing tensor": (with_weights(names(), 3), 5, "has `2` tensors, its manifest states `3`", "do not use it"),
    "extra tensor": (with_weights(names("extra"), 2), 5, "has `3` tensors, its manifest states `2`", "do not use it"),
    "2^40 header claim": (
        with_weights(struct.pack("<Q", 2**40) + b"{}", 2), 5, "header of 1099511627776 bytes", "hostile: do not"
    ),
    "path escape": (
        with_manifest(lambda manifest: manifest["files"][0].update(path="../../escape")),
        5,
        "files[0].path `../../escape` leaves the adapter folder",
        "",
    ),
    "unknown schema version": (
        with_manifest(lambda manifest: manifest.update(schema="miva.manifest/9")),
        5,
        "schema `miva.manifest/9` is not known",
        "pip install --upgrade mivactl",
    ),
    "another build's manifest": (
        with_manifest(lambda manifest: manifest.update(version="7.0.0")), 5, "describes `my/waterfall` 7.0.0", "damaged"
    ),
    "terminal escapes": (
        with_manifest(lambda manifest: manifest.update(title="a\x1b[2Jb")), 5, "title `a\\x1b[2Jb` holds", ""
    ),
}  # fmt: skip


@pytest.mark.parametrize(("damage", "exit_code", "error", "hint"), REGISTRIES.values(), ids=REGISTRIES.keys())
def test_a_damaged_registry_is_noticed_and_nothing_is_installed(
    world: World, damage: Callable[[World], None], exit_code: int, error: str, hint: str
):
    world.publish("my/old")
    world.ok("install", "my/old")
    for path in (world.home / "registry" / "index").rglob("*.jsonl"):
        path.unlink()
    world.publish("my/waterfall")
    for path in list((world.home / "registry" / "manifests").rglob("*")):
        if path.is_file() and b"my/old" in path.read_bytes():
            path.unlink()
    damage(world)
    said = world.mivactl("install", "--json", "my/waterfall")
    assert said.exit_code == exit_code, said.out
    assert error in said.error["message"]
    assert hint in (said.error["hint"] or "")
    assert [entry["name"] for entry in world.ok("list", "--json").data["adapters"]] == ["my/old"]
    world.ok("verify")
    assert list(world.session().store.layout.staging.iterdir()) == []


def test_an_adapter_for_another_base_is_refused_before_anything_is_copied(world: World):
    world.publish()
    world.add_base(base_spec(weights="other", exact_only=True))
    said = world.mivactl("install", "my/waterfall")
    assert said.exit_code == 4
    assert "error: no build of `my/waterfall` will do: 1.0.0 for `nano`: trained on the weights" in said.err
    assert "`mivactl why my/waterfall` lists every build" in said.err
    assert not (world.home / "store" / "blobs").exists()


@pytest.mark.parametrize(
    "content",
    [
        million_empty_tensors,
        lambda: struct.pack("<Q", 2**40) + b"{}",
        lambda: struct.pack("<Q", 2**21) + b"{" * 2**21,
    ],
    ids=["a million empty tensors", "2^40 header claim", "two megabytes of brackets"],
)
def test_a_hostile_header_costs_little_time_and_memory(tmp_path: Path, content: Callable[[], bytes]):
    path = tmp_path / "adapter.safetensors"
    size_bytes = path.write_bytes(content())
    process = psutil.Process()
    before = process.memory_info().rss
    started = time.process_time()
    with path.open("rb") as file, pytest.raises(IntegrityProblem):
        read_header(file, size_bytes)
    assert time.process_time() - started < 0.2
    assert process.memory_info().rss - before < 50_000_000


def test_a_million_empty_tensors_are_refused_by_publish_and_install(world: World):
    draft = write_draft(world.folder / "draft")
    (draft / "adapter.safetensors").write_bytes(million_empty_tensors())
    said = world.mivactl("publish", draft)
    assert said.exit_code == 5
    assert "claims a header of" in said.err
    world.publish()
    with_weights(million_empty_tensors(), 2)(world)
    said = world.mivactl("install", "my/waterfall")
    assert said.exit_code == 5
    assert "claims a header of" in said.err
    assert world.ok("list", "--json").data["adapters"] == []
