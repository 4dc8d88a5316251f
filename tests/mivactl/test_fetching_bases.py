"""`base fetch` against a small Hub: what is taken, what is checked, what goes wrong and what it leaves behind."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
import torch

from engine.bases.catalog import load_base
from tests.fake_hub import FakeHub, files_below
from tests.mivactl.world import REPOSITORY, World
from tests.published_tiny import ADAPTER, SD15, WAN, write_publications, write_repositories

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NAME = "animatediff-v3"
CPU = torch.device("cpu")
COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture(scope="module")
def repositories(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_repositories(tmp_path_factory.mktemp("hub"))


@pytest.fixture
def hub(repositories: Path, world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeHub]:
    write_publications(world.home / "published", repositories)
    # the library reads its switch once, maybe while another test was offline
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    with FakeHub() as hub:
        hub.offer(repositories, COMMIT)
        monkeypatch.setenv("HF_ENDPOINT", hub.endpoint)
        yield hub


def left_behind(world: World) -> list[str]:
    """Files of bases in the home, the weightless `nano` of the world aside."""
    return [path for path in files_below(world.home) if path.startswith(("bases/", "incoming/")) and "nano" not in path]


def test_a_base_is_fetched_loads_and_is_verified(world: World, hub: FakeHub):
    said = world.ok("base", "fetch", NAME, "--json").data
    folder = world.home / "bases" / NAME
    assert said["folder"] == str(folder)
    assert sorted(path.name for path in folder.iterdir()) == [
        "base.json",
        "condition.safetensors",
        "motion_adapter",
        "unet",
        "vae",
    ]
    for part in ("unet", "motion_adapter", "vae"):
        assert list(files_below(folder / part)) == ["config.json", "diffusion_pytorch_model.safetensors"]
    asked = [request.path for request in hub.requests]
    assert not [path for path in asked if "text_encoder" in path or ".bin" in path or "non_ema" in path]
    base = load_base(folder, device=CPU, dtype=torch.float32)
    assert base.predict(torch.randn(1, 4, 4, 8, 8), torch.tensor([400.0])).shape == (1, 4, 4, 8, 8)
    assert world.ok("base", "verify", NAME, "--json").data["bases"] == [{"name": NAME, "weights": said["weights"]}]


def test_what_was_fetched_is_written_down(world: World, hub: FakeHub):
    world.ok("base", "fetch", NAME)
    spec = json.loads((world.home / "bases" / NAME / "base.json").read_text())
    assert [(source["part"], source["repository"], source["revision"]) for source in spec["sources"]] == [
        ("unet", SD15, COMMIT),
        ("motion_adapter", ADAPTER, COMMIT),
        ("vae", SD15, COMMIT),
    ]
    assert "vae/diffusion_pytorch_model.safetensors" in [file["path"] for file in spec["files"]]
    assert spec["motion_norm"] == "frame"
    vae = world.home / "bases" / NAME / "vae" / "diffusion_pytorch_model.safetensors"
    content = bytearray(vae.read_bytes())
    content[-1] ^= 1
    vae.write_bytes(content)
    said = world.mivactl("base", "verify", NAME)
    assert said.exit_code == 5
    assert "digest of its `vae/diffusion_pytorch_model.safetensors` is" in said.err


def test_wan_comes_in_shards(world: World, hub: FakeHub):
    world.ok("base", "fetch", "wan2.1-t2v-1.3b")
    folder = world.home / "bases" / "wan2.1-t2v-1.3b"
    assert len(list((folder / "transformer").glob("*.safetensors"))) > 1
    base = load_base(folder, device=CPU, dtype=torch.float32)
    pixels = torch.rand(1, 3, 5, 32, 32) * 2 - 1
    latents = base.encode(pixels)
    assert latents.shape == (1, 16, 2, 4, 4)
    assert base.decode(base.predict(latents, torch.tensor([400.0]))).shape == pixels.shape


def test_fetching_again_changes_nothing(world: World, hub: FakeHub):
    world.ok("base", "fetch", NAME)
    before = (world.home / "bases" / NAME / "base.json").read_bytes()
    asked = len(hub.requests)
    said = world.ok("base", "fetch", NAME)
    assert "is here already" in said.err
    assert len(hub.requests) == asked
    assert (world.home / "bases" / NAME / "base.json").read_bytes() == before


def test_a_torn_download_goes_on_where_it_stopped(world: World, hub: FakeHub, repositories: Path):
    size = (repositories / SD15 / "unet" / "diffusion_pytorch_model.safetensors").stat().st_size
    hub.faults.short_after = size // 2
    said = world.mivactl("base", "fetch", NAME)
    assert said.exit_code == 11
    assert "the download of `unet/diffusion_pytorch_model.safetensors`" in said.err
    assert "hint: run it again: it goes on where it stopped" in said.err
    (part,) = [path for path in left_behind(world) if path.endswith(".part")]
    assert (world.home / part).stat().st_size == size // 2
    assert "without weights" not in str(world.ok("base", "list", "--json").data["bases"][1:])
    hub.sent_bytes = 0
    world.ok("base", "fetch", NAME)
    asked = hub.asked(f"GET /{SD15}/resolve/{COMMIT}/unet/diffusion_pytorch_model.safetensors")
    assert asked[-1].range == f"bytes={size // 2}-"
    others = [repositories / ADAPTER, repositories / SD15 / "vae"]
    rest = sum(path.stat().st_size for folder in others for path in folder.iterdir())
    assert hub.sent_bytes == size - size // 2 + rest
    assert left_behind(world) == [path for path in left_behind(world) if path.startswith(f"bases/{NAME}/")]
    world.ok("base", "verify", NAME)


def test_bytes_that_are_not_those_announced_are_not_kept(world: World, hub: FakeHub):
    hub.faults.flip = True
    said = world.mivactl("base", "fetch", NAME)
    assert said.exit_code == 5
    assert "the Hub announced `sha256:" in said.err
    assert left_behind(world) == []


def test_a_gated_repository_says_what_to_do(world: World, hub: FakeHub):
    hub.faults.refused = {f"/{SD15}/resolve/": (403, "GatedRepo")}
    said = world.mivactl("base", "fetch", NAME)
    assert said.exit_code == 7
    assert f"error: `{SD15}` is gated" in said.err
    assert f"hint: accept them on https://huggingface.co/{SD15}, then `hf auth login`" in said.err
    assert left_behind(world) == []


@pytest.mark.parametrize(
    ("fault", "code", "message"),
    [
        ({"refused": {"/revision/": (404, "RevisionNotFound")}}, 3, f"`{SD15}` has no revision `main`"),
        ({"refused": {ADAPTER: (404, "RepoNotFound")}}, 3, f"no repository `{ADAPTER}` on the Hub"),
        ({"status": {"": 503}}, 6, f"the Hub answered HTTP 503 for `{SD15}`"),
        ({"status": {"": 403}}, 7, f"the Hub does not let you read `{SD15}` (HTTP 403)"),
    ],
    ids=["revision", "repository", "busy", "forbidden"],
)
def test_what_the_hub_refuses_is_said_and_leaves_nothing(
    world: World, hub: FakeHub, fault: dict[str, object], code: int, message: str
):
    for name, value in fault.items():
        setattr(hub.faults, name, value)
    said = world.mivactl("base", "fetch", NAME)
    assert said.exit_code == code, said.err
    assert f"error: {message}" in said.err
    assert "hint: " in said.err
    assert left_behind(world) == []


def test_weights_that_are_only_a_pickle_are_not_taken(world: World, hub: FakeHub, tmp_path: Path):
    pickled = write_repositories(tmp_path / "pickled")
    for path in (pickled / SD15 / "unet").glob("*.safetensors"):
        path.unlink()
    hub.offer(pickled, COMMIT)
    said = world.mivactl("base", "fetch", NAME)
    assert said.exit_code == 3
    assert f"`{SD15}`, folder `unet`, has its weights as a pickle (`diffusion_pytorch_model.bin`)" in said.err
    assert left_behind(world) == []


def test_nobody_answers(world: World, hub: FakeHub, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    said = world.mivactl("base", "fetch", NAME)
    assert said.exit_code == 6
    assert "error: the Hugging Face Hub can not be reached" in said.err
    assert not (world.home / "incoming").exists()


@pytest.mark.parametrize("how", ["--offline", "HF_HUB_OFFLINE"])
def test_offline_asks_nobody(world: World, hub: FakeHub, monkeypatch: pytest.MonkeyPatch, how: str):
    if how != "--offline":
        monkeypatch.setenv(how, "1")
    said = world.mivactl("base", "fetch", NAME, *(["--offline"] if how == "--offline" else []))
    assert said.exit_code == 6
    assert "the network is switched off" in said.err
    assert "mivactl base add" in said.err
    assert hub.requests == []
    assert left_behind(world) == []


SMALL_FILES_ONLY = """
import resource, runpy
resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, resource.RLIM_INFINITY))
runpy.run_module("mivactl", run_name="__main__", alter_sys=False)
"""


def test_a_full_disk_leaves_nothing_behind(world: World, hub: FakeHub):
    done = subprocess.run(
        [sys.executable, "-c", SMALL_FILES_ONLY, "base", "fetch", NAME],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 10, done.stderr
    assert "error: no space left to write `" in done.stderr
    assert left_behind(world) == []


def test_too_little_space_is_noticed_before_anything_is_downloaded(
    world: World, hub: FakeHub, monkeypatch: pytest.MonkeyPatch
):
    class NoSpace:
        f_bavail, f_frsize = 1, 4096

    monkeypatch.setattr("os.statvfs", lambda _: NoSpace)
    said = world.mivactl("base", "fetch", NAME)
    assert said.exit_code == 10
    assert "4096 bytes free" in said.err
    assert hub.sent_bytes < 20_000
    assert left_behind(world) == []


def test_a_token_is_sent_and_never_printed(world: World, hub: FakeHub, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HF_TOKEN", "hf_secret_of_mine")
    hub.faults.refused = {f"/{ADAPTER}/resolve/": (403, "GatedRepo")}
    said = world.mivactl("base", "fetch", NAME, "--debug")
    assert said.exit_code == 7
    assert "hf_secret_of_mine" not in said.out + said.err


def test_an_unknown_base_has_a_nearest_name(world: World, hub: FakeHub):
    said = world.mivactl("base", "fetch", "animatediff-v2")
    assert said.exit_code == 3
    assert f"hint: did you mean `{NAME}`?" in said.err
    said = world.mivactl("base", "fetch", "nano")
    assert said.exit_code == 2
    assert "error: base `nano` comes with mivactl" in said.err
    assert WAN not in said.err


def test_a_base_is_removed_without_a_trace(world: World, hub: FakeHub):
    world.ok("base", "fetch", NAME)
    said = world.ok("base", "remove", NAME)
    assert said.out.startswith(f"{NAME} removed, ")
    assert left_behind(world) == []
    assert world.mivactl("base", "remove", NAME).exit_code == 3
    assert world.mivactl("base", "remove", "nano").exit_code == 2
