"""Broken and hostile drafts: each is one clear error with its exit code and its hint, and nothing is published."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from registry_schema.digests import Digest
from tests.mivactl.world import NANO, World, tensors, write_draft
from tests.registry_schema.samples import adapter_spec

Damage = Callable[[Path], None]


@dataclass(frozen=True)
class Case:
    """A damage to a draft, and what `publish` says about it."""

    damage: Damage
    exit_code: int
    error: str
    hint: str


def weights(draft: Path) -> Path:
    return draft / "adapter.safetensors"


def change(name: str, edit: Callable[[dict], None]) -> Damage:
    def damage(draft: Path) -> None:
        content = json.loads((draft / name).read_text())
        edit(content)
        (draft / name).write_text(json.dumps(content))

    return damage


def with_header(header: bytes, *, claimed: int | None = None) -> Damage:
    length = struct.pack("<Q", len(header) if claimed is None else claimed)
    return lambda draft: weights(draft).write_bytes(length + header) and None


def with_bad_value(value: float, kind: type) -> Damage:
    def damage(draft: Path) -> None:
        values = tensors()
        name = list(values)[-1]
        values[name] = values[name].astype(kind)
        values[name].flat[-1] = value
        save_file(values, weights(draft))

    return damage


def cut(count: int) -> Damage:
    return lambda draft: weights(draft).write_bytes(weights(draft).read_bytes()[:-count]) and None


def on_another_base(draft: Path) -> None:
    other = NANO.model_copy(update={"architecture": Digest.of(b"other")})
    (draft / "adapter.json").write_text(json.dumps(adapter_spec(other).plain()))


def as_symlink(draft: Path) -> None:
    (draft / "README.md").unlink()
    (draft / "README.md").symlink_to("/etc/hostname")


def release(line: str) -> Damage:
    return lambda draft: (draft / "release.toml").write_text((draft / "release.toml").read_text() + line) and None


DO_NOT_USE = "the file is broken or hostile: do not use it"
DRAFTS = {
    "wrong base": Case(on_another_base, 4, "the adapter does not fit the base it names: ", "use `--base nano`"),
    "NaN, half precision": Case(with_bad_value(np.nan, np.float16), 5, "holds a NaN or an infinity", "train it again"),
    "infinity, single": Case(with_bad_value(-np.inf, np.float32), 5, "holds a NaN or an infinity", "train it again"),
    "truncated": Case(cut(3), 5, "adapter.safetensors: ", DO_NOT_USE),
    "empty file": Case(lambda draft: weights(draft).write_bytes(b"") and None, 5, "has 0 bytes", DO_NOT_USE),
    "2^40 header claim": Case(
        with_header(b"{}", claimed=2**40), 5, "claims a header of 1099511627776 bytes", DO_NOT_USE
    ),
    "no tensors": Case(with_header(b"{}"), 5, "has 0 tensors, expected 1 to 8192", DO_NOT_USE),
    "a pickle": Case(
        lambda draft: weights(draft).write_bytes(b"\x80\x04" * 500) and None, 5, "claims a header", DO_NOT_USE
    ),
    "no weights": Case(lambda draft: weights(draft).unlink(), 3, "has no `adapter.safetensors`", "mivactl train"),
    "no spec": Case(lambda draft: (draft / "adapter.json").unlink(), 3, "has no `adapter.json`", "mivactl train"),
    "unknown field": Case(
        change("adapter.json", lambda spec: spec.update(rnks={})),
        5,
        "rnks is not a known field",
        "did you mean `ranks`?",
    ),
    "absurd rank": Case(
        change("adapter.json", lambda spec: spec["ranks"].update(temporal_lora=10**9)), 5, "ranks.temporal_lora", ""
    ),
    "path in a name": Case(
        lambda draft: (
            write_draft(draft, "my/x")
            .joinpath("release.toml")
            .write_text((draft / "release.toml").read_text().replace('"my/x"', '"../../escape"'))
            and None
        ),
        5,
        "is not an adapter name",
        "",
    ),
    "a link to elsewhere": Case(as_symlink, 2, "is not a plain file", "copy the file itself into the draft"),
    "not TOML": Case(release("= ="), 5, "release.toml: not TOML", "write one `key = value` a line"),
    "preview that is none": Case(
        lambda draft: (draft / "preview.png").write_text("text") and None,
        2,
        "does not hold what its name says",
        "leave",
    ),
}


@pytest.mark.parametrize("case", DRAFTS.values(), ids=DRAFTS.keys())
def test_a_broken_draft_is_refused_and_nothing_is_published(world: World, case: Case):
    world.publish(version="0.1.0")
    before = {path: path.read_bytes() for path in (world.home / "registry").rglob("*") if path.is_file()}
    draft = write_draft(world.folder / "draft", version="1.0.0")
    case.damage(draft)
    said = world.mivactl("publish", "--json", draft)
    assert said.exit_code == case.exit_code, said.out
    assert case.error in said.error["message"]
    assert case.hint in (said.error["hint"] or "")
    after = {path: path.read_bytes() for path in (world.home / "registry").rglob("*") if path.is_file()}
    assert {path: content for path, content in after.items() if path.name != ".lock"} == {
        path: content for path, content in before.items() if path.name != ".lock"
    }
