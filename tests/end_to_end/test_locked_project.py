"""A lock decides what `animate` and `compose` run; `check` binds every tensor; `replay` takes what its receipt says."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from engine.adapters.weights import expected_tensors
from engine.bases.catalog import base_sites
from mivactl.cli.app import run
from mivactl.content import Content
from mivactl.operations.composition import Wanted, compose_wanted
from mivactl.operations.keys import publisher_keys
from mivactl.operations.publish import publish
from mivactl.operations.replay import require_receipt
from mivactl.operations.sign_registry import put_signatures
from mivactl.session import Session
from mivactl.settings import load_settings
from registry_schema.digests import Digest
from registry_schema.errors import IntegrityProblem, Refused
from registry_schema.lock import Lock
from registry_schema.manifest import Manifest
from registry_schema.ref import AdapterRef
from registry_schema.safetensors_header import read_header, tensor_digest
from tests.end_to_end.tiny_world import write_tiny_base

if TYPE_CHECKING:
    from collections.abc import Callable

WAVE = AdapterRef.parse("my/wave")


class Shell:
    """The command line in this process, with `--json`."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self._capsys = capsys

    def __call__(self, *arguments: object) -> tuple[int, Any]:
        self._capsys.readouterr()
        code = run([*(str(argument) for argument in arguments), "--json"])
        return code, json.loads(self._capsys.readouterr().out)

    def ok(self, *arguments: object) -> Any:
        code, envelope = self(*arguments)
        assert code == 0, envelope["error"]
        return envelope["data"]

    def release(self, version: str, *, scale: float = 1.0, to: str | None = None) -> None:
        """Publish another version of `my/wave`, its weights scaled."""
        draft = self.folder / f"draft-{version}"
        shutil.copytree(self.folder / "draft", draft)
        release = draft / "release.toml"
        release.write_text(release.read_text().replace('version = "1.0.0"', f'version = "{version}"'))
        tensors = load_file(draft / "adapter.safetensors")
        save_file(
            {name: (scale * value).astype(value.dtype) for name, value in tensors.items()},
            draft / "adapter.safetensors",
        )
        publish(draft, session(self.folder), to=to)


def session(folder: Path) -> Session:
    return Session(load_settings({"MIVACTL_HOME": str(folder / "home")}))


@pytest.fixture
def shell(folder: Path, capsys: pytest.CaptureFixture[str]) -> Shell:
    return Shell(folder, capsys)


def test_the_lock_decides_versions_and_base_and_the_receipt_says_so(folder: Path, shell: Shell):
    shell.ok("lock", "my/wave")
    shell.release("1.1.0", scale=2.0)
    shell.ok("install", "my/wave")
    (folder / "home" / "config.toml").unlink()
    made = shell.ok("animate", "photo.png", "--use", "my/wave", "--locked")
    assert (made["base"], made["reason"]) == ("tiny", "miva.lock names it")
    receipt = made["clips"][0]["receipt"]
    entry = Lock.parse((folder / "miva.lock").read_bytes()).adapters[0]
    assert receipt["adapters"][0]["version"] == "1.0.0"
    assert receipt["adapters"][0]["manifest"] == entry.manifest
    assert receipt["adapters"][0]["weights"] == entry.weights.digest
    composed = shell.ok("compose", "my/wave", "-o", "wave.toml")
    assert composed["preset"]["adapters"][0]["version"] == "1.0.0"
    (folder / "miva.lock").unlink()
    planned = shell.ok("animate", "photo.png", "--use", "my/wave", "--plan", "--base", "tiny")
    assert planned["adapters"][0]["version"] == "1.1.0"


def wanted(folder: Path, text: str, **more: Any) -> Wanted:
    return Wanted(refs=(AdapterRef.parse(text),), project=folder, **more)


def test_a_word_that_differs_from_the_lock_counts_and_is_told_unless_locked_is_asked_for(folder: Path, shell: Shell):
    shell.ok("lock", "my/wave")
    shell.release("1.1.0", scale=2.0)
    composed = compose_wanted(wanted(folder, "my/wave@>=1.1"), session(folder))
    assert str(composed.chosen.builds[0].manifest.version) == "1.1.0"
    assert composed.lock_notes == ("my/wave@>=1.1 is not in miva.lock",)
    composed = compose_wanted(wanted(folder, "my/wave@<2"), session(folder))
    assert str(composed.chosen.builds[0].manifest.version) == "1.0.0"
    with pytest.raises(Refused) as caught:
        compose_wanted(wanted(folder, "my/wave@>=1.1", locked=True), session(folder))
    assert caught.value.hint == "run `mivactl lock 'my/wave@>=1.1'` first"


def test_a_locked_build_that_is_not_installed_is_named_exactly(folder: Path, shell: Shell):
    shell.ok("lock", "my/wave")
    shell.release("1.1.0", scale=2.0)
    shell.ok("uninstall", "my/wave")
    digest = Lock.parse((folder / "miva.lock").read_bytes()).adapters[0].manifest
    code, envelope = shell("animate", "photo.png", "--use", "my/wave")
    assert code == 9
    assert envelope["error"]["hint"] == f"add `--yes`, or run `mivactl install local::my/wave@{digest}` first"
    assert shell.ok("install", f"local::my/wave@{digest}")["adapters"][0]["version"] == "1.0.0"


def test_another_base_takes_the_locked_version_in_its_build_for_it(folder: Path, shell: Shell):
    shell.ok("lock", "my/wave")
    shell.release("1.1.0", scale=2.0)
    other = write_tiny_base(folder / "home" / "bases" / "other", name="other", seed=3)
    assert other.base_identity != Lock.parse((folder / "miva.lock").read_bytes()).base
    code, envelope = shell("animate", "photo.png", "--use", "my/wave", "--base", "other", "--plan")
    assert code == 4
    assert "1.0.0 for `tiny`: trained on the weights" in envelope["error"]["message"]
    code, envelope = shell("animate", "photo.png", "--use", "my/wave", "--base", "other", "--plan", "--locked")
    assert (code, "is not the one of miva.lock, `tiny`" in envelope["error"]["message"]) == (9, True)


def test_a_lock_whose_words_and_digest_disagree_runs_nothing(folder: Path, shell: Shell):
    shell.ok("lock", "my/wave")
    path = folder / "miva.lock"
    path.write_text(path.read_text().replace('version = "1.0.0"', 'version = "1.7.0"'))
    code, envelope = shell("animate", "photo.png", "--use", "my/wave")
    assert code == 5
    assert "version is `1.7.0` in miva.lock, `1.0.0` in `local`" in envelope["error"]["message"]
    assert not list(folder.glob("photo-*"))


def test_a_base_that_is_not_the_locked_one_runs_nothing(folder: Path, shell: Shell):
    shell.ok("lock", "my/wave")
    shutil.rmtree(folder / "home" / "bases" / "tiny")
    write_tiny_base(folder / "home" / "bases" / "tiny", seed=9)
    code, envelope = shell("animate", "photo.png", "--use", "my/wave")
    assert (code, "miva.lock names" in envelope["error"]["message"]) == (4, True)


def test_presets_and_replays_do_not_ask_the_lock_of_the_folder_they_run_in(folder: Path, shell: Shell):
    shell.ok("compose", "my/wave", "-o", "wave.toml")
    shell.ok("animate", "photo.png", "--use", "my/wave", "-o", "old.mp4")
    shell.release("1.1.0", scale=2.0)
    shell.ok("lock", "my/wave")
    assert shell.ok("animate", "photo.png", "--preset", "wave.toml", "--plan")["adapters"][0]["version"] == "1.0.0"
    assert shell("animate", "photo.png", "--preset", "wave.toml", "--plan", "--locked")[0] == 9
    assert shell.ok("replay", "old.mp4")["verdict"] == "same"


def test_a_replay_installs_exactly_the_receipt_s_build_from_whichever_registry_has_it(folder: Path, shell: Shell):
    """The first registry that knows the name has another build; by digest the search goes on, it can not mislead."""
    made = shell.ok("animate", "photo.png", "--use", "my/wave", "-o", "clip.mp4")
    shell.ok("uninstall", "my/wave")
    shell.ok("registry", "add", "studio", folder / "studio", "--create")
    shell.release("1.0.0", scale=2.0, to="studio")
    again = shell.ok("replay", "clip.mp4", "--yes")
    assert again["verdict"] == "same"
    recorded = [clip["receipt"]["adapters"] for clip in (made["clips"][0], again["clip"])]
    assert recorded[0] == recorded[1]
    (installed,) = shell.ok("list")["adapters"]
    assert installed["digest"] == recorded[0][0]["manifest"]


@pytest.mark.parametrize("forged", ["version", "weights"])
def test_a_receipt_that_contradicts_its_build_is_not_replayed(
    folder: Path, shell: Shell, monkeypatch: pytest.MonkeyPatch, forged: str
):
    """Sealed anew after an edit, so that its own digest is right."""
    shell.ok("animate", "photo.png", "--use", "my/wave", "-o", "clip.mp4")
    receipt = require_receipt(Path("clip.mp4"))
    lie = {"version": "3.0.0", "weights": Digest.of(b"other")}[forged]
    record = type(receipt.adapters[0]).of(receipt.adapters[0].plain() | {forged: lie}, source="receipt")
    edited = receipt.model_copy(update={"adapters": (record,)})
    edited = edited.model_copy(update={"digest": edited.expected_digest()})
    edited.verify()
    monkeypatch.setattr("mivactl.operations.replay.clip_receipt", lambda _: edited)
    code, envelope = shell("replay", "clip.mp4")
    assert code == 5
    assert f"the receipt states {forged} `{lie}`" in envelope["error"]["message"]


def published_as_is(folder: Path, tensors: dict[str, np.ndarray]) -> None:
    """What a careless or hostile owner puts into a registry: weights that do not fit, with all digests right."""
    weights = folder / "bad.safetensors"
    save_file(tensors, weights)
    here = session(folder)
    line = here.local.lines(WAVE.name)[0]
    plain = here.local.manifest(line).plain()
    with weights.open("rb") as file:
        header = read_header(file, weights.stat().st_size)
        plain["tensors"] = {"count": len(header.tensors), "digest": tensor_digest(file, header)}
    digest = Digest.of(weights.read_bytes())
    for entry in plain["files"]:
        if entry["kind"] == "weights":
            entry.update(digest=digest, size=weights.stat().st_size)
    manifest = Manifest.from_plain(plain | {"version": "1.9.0"}, source="miva.json")
    others = {entry.digest: here.local.blob_path(entry.digest) for entry in manifest.files}
    put_signatures(here.local, manifest.to_bytes(), publisher_keys(here))
    here.local.publish(manifest, others | {digest: weights})


def drop(tensors: dict[str, np.ndarray]) -> None:
    for name in sorted(tensors)[:7]:
        tensors.pop(name)


def add(tensors: dict[str, np.ndarray]) -> None:
    tensors["miva.somewhere.else"] = np.ones((2, 2), np.float32)


def widen(tensors: dict[str, np.ndarray]) -> None:
    name = min(tensors)
    tensors[name] = np.concatenate([tensors[name], tensors[name]])


@pytest.mark.parametrize(
    ("change", "count", "word"), [(drop, 7, "is missing"), (add, 1, "has no place"), (widen, 1, "expected")]
)
def test_check_names_the_first_tensors_that_do_not_bind(
    folder: Path, shell: Shell, change: Callable[[dict[str, np.ndarray]], None], count: int, word: str
):
    assert shell.ok("check", "my/wave", "--base", "tiny")["report"]["fit"] == "exact"
    tensors = load_file(folder / "draft" / "adapter.safetensors")
    change(tensors)
    published_as_is(folder, tensors)
    code, envelope = shell("check", "my/wave", "--base", "tiny")
    assert code == 4
    report = envelope["data"]["report"]
    assert (report["fit"], report["version"]) == ("no", "1.9.0")
    assert report["reason"] == f"{count} tensors do not bind"
    assert len(report["misses"]) == min(count, 5)
    assert all(word in miss for miss in report["misses"])
    assert report["read_bytes"] < report["size_bytes"]


def test_what_check_expects_is_what_the_engine_binds(folder: Path):
    here = session(folder)
    manifest = here.local.manifest(here.local.lines(WAVE.name)[0])
    expected = expected_tensors(manifest.adapter, base_sites(folder / "home" / "bases" / "tiny"))
    content = Content(manifest.weights.digest, manifest.weights.size, "weights")
    with here.local.open_file(content) as file:
        header = read_header(file, content.size_bytes)
    assert expected == {name: info.shape for name, info in header.tensors.items()}
    with pytest.raises(IntegrityProblem), here.local.open_file(content) as file:
        read_header(file, content.size_bytes - 1)
