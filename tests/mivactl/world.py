"""A small world for stories about packages: a home with bases, drafts of real adapters, the command line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from safetensors.numpy import save_file

from mivactl.cli.app import run
from mivactl.registry.directory import create_directory_registry
from mivactl.registry.registry import STARTER
from mivactl.session import Session
from mivactl.settings import Settings
from registry_schema.adapter_spec import AdapterSpec, MaskStreamSpec
from registry_schema.manifest import TrainingRecord
from tests.registry_schema.samples import adapter_spec, base_spec, digest, flow_base_spec

if TYPE_CHECKING:
    import pytest

    from registry_schema.base_spec import BaseSpec

NANO = base_spec()
WAN = flow_base_spec()
CHANGES = {"publish", "attach", "yank", "unyank", "deprecate"}
REPOSITORY = Path(__file__).parents[2]


@dataclass(frozen=True)
class Said:
    """What a command answered."""

    exit_code: int
    out: str
    err: str

    @property
    def data(self) -> Any:
        return json.loads(self.out)["data"]

    @property
    def error(self) -> Any:
        return json.loads(self.out)["error"]


class World:
    """A home folder, and the commands run in it."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self.home = folder / "home"
        # a command that brings what was published to where it is read, if that is another place
        self.after_change: tuple[object, ...] | None = None
        self._capsys = capsys
        for name in [name for name in os.environ if name.startswith("MIVACTL_")]:
            monkeypatch.delenv(name)
        monkeypatch.delenv("CI", raising=False)
        monkeypatch.setenv("MIVACTL_HOME", str(self.home))
        self.add_base(NANO)

    def add_base(self, spec: BaseSpec) -> None:
        folder = self.home / "bases" / spec.name
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "base.json").write_bytes(spec.to_bytes())

    def session(self, **settings: Any) -> Session:
        starter = self.folder / "starter"
        if not starter.exists():
            create_directory_registry(STARTER, starter)
        return Session(Settings(home=self.home, **settings), starter=starter)

    def mivactl(self, *arguments: object) -> Said:
        """The command line in this process."""
        self._capsys.readouterr()
        exit_code = run([str(argument) for argument in arguments])
        out, err = self._capsys.readouterr()
        if self.after_change and (arguments[0] in CHANGES or arguments[:2] == ("registry", "init")):
            assert run([str(argument) for argument in self.after_change]) == 0
            self._capsys.readouterr()
        return Said(exit_code, out, err)

    def ok(self, *arguments: object) -> Said:
        """The same, and it must succeed."""
        said = self.mivactl(*arguments)
        assert said.exit_code == 0, said.err
        return said

    def in_new_process(self, *arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
        """The command line in a process of its own."""
        return subprocess.run(
            [sys.executable, "-m", "mivactl", *map(str, arguments)],
            env={**os.environ, **environment},
            cwd=REPOSITORY,
            capture_output=True,
            text=True,
            check=False,
        )

    def publish(self, name: str = "my/waterfall", version: str = "1.0.0", **changes: Any) -> None:
        """Publish a small adapter into the person's own registry."""
        self.ok("publish", write_draft(self.folder / "drafts" / f"{name}-{version}", name, version, **changes))


def tensors(seed: int = 0) -> dict[str, np.ndarray]:
    """A few small tensors, other values for each seed."""
    random = np.random.default_rng(seed)
    return {
        "miva.down_blocks.0.attentions.0.cfa.q.weight": random.standard_normal((8, 8)).astype(np.float16),
        "miva.down_blocks.0.attentions.0.ca.up.weight": random.standard_normal((8, 4)).astype(np.float32),
    }


def write_draft(
    folder: Path,
    name: str = "my/waterfall",
    version: str = "1.0.0",
    *,
    spec: AdapterSpec | None = None,
    weights: dict[str, np.ndarray] | None = None,
    **release: Any,
) -> Path:
    """A draft as `train` writes it, with real tensors."""
    folder.mkdir(parents=True, exist_ok=True)
    words = {"title": "Falling water", "summary": "Water falls and foams", "licence": "Apache-2.0", "tags": ["water"]}
    described = {"name": name, "version": version, **words, **release}
    lines = [f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in described.items()]
    (folder / "release.toml").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (folder / "adapter.json").write_text(json.dumps((spec or adapter_spec(NANO)).plain()))
    record = TrainingRecord(clips=8, steps=40, seed=1, recipe=digest("r"), footage="drawn", tool="mivactl 0.1.0")
    (folder / "training.json").write_text(json.dumps(record.plain()))
    save_file(tensors(hash_of(name, version)) if weights is None else weights, folder / "adapter.safetensors")
    (folder / "README.md").write_text(f"# {name}\n")
    return folder


def hash_of(*words: str) -> int:
    return int(digest(" ".join(words)).hex[:8], 16)


def masked_spec() -> AdapterSpec:
    plain = adapter_spec(NANO).plain()
    plain["masked"] = True
    plain["mask_stream"] = MaskStreamSpec().plain()
    plain["ranks"]["mask_stream"] = 4
    return AdapterSpec.of(plain, source="adapter.json")
