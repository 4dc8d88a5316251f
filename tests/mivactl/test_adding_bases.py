"""`base add` from folders on this machine, and the wrong bases it refuses: real architectures, hollow files."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import diffusers
import pytest
import torch

from engine.bases.published_bases import published_bases
from tests.fake_hub import files_below
from tests.published_tiny import ADAPTER, SD15, WAN, write_publications, write_repositories

if TYPE_CHECKING:
    from pathlib import Path

    from tests.mivactl.world import World

NAME = "animatediff-v3"
WEIGHTS = "diffusion_pytorch_model.safetensors"
KNOWN = {publication.base.facts.name: publication for publication in published_bases()}
MOTION = {"block_out_channels": (320, 640, 1280, 1280), "use_motion_mid_block": False}


@pytest.fixture(scope="module")
def repositories(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_repositories(tmp_path_factory.mktemp("hub"))


@pytest.fixture
def tiny(world: World, repositories: Path) -> list[str]:
    """What to add so that it becomes the small stand-in for AnimateDiff."""
    write_publications(world.home / "published", repositories)
    return ["--from", str(repositories / SD15), "--from", str(repositories / ADAPTER)]


def left_behind(world: World) -> list[str]:
    return [path for path in files_below(world.home) if path.startswith(("bases/", "incoming/")) and "nano" not in path]


def test_two_folders_become_a_base(world: World, tiny: list[str]):
    said = world.ok("base", "add", NAME, *tiny, "--json").data
    assert said["sources"] == []
    folder = world.home / "bases" / NAME
    assert list(files_below(folder / "unet")) == ["config.json", WEIGHTS]
    spec = json.loads((folder / "base.json").read_text())
    assert spec["weights"] == said["weights"]
    assert spec["name"] == NAME
    world.ok("base", "verify", NAME)
    again = world.mivactl("base", "add", NAME, *tiny)
    assert again.exit_code == 8
    assert f"hint: `mivactl base remove {NAME}` makes room for another" in again.err


def test_other_weights_of_the_same_architecture_have_a_name_of_their_own(world: World, tiny: list[str], tmp_path: Path):
    other = write_repositories(tmp_path / "other", seed=1)
    world.ok("base", "add", NAME, *tiny)
    world.ok("base", "add", "dreams", "--from", other / SD15, "--from", other / ADAPTER)
    first, second = (json.loads((world.home / "bases" / name / "base.json").read_text()) for name in (NAME, "dreams"))
    assert first["architecture"] == second["architecture"]
    assert first["weights"] != second["weights"]


def test_a_wan_folder_is_recognised_under_any_name(world: World, tiny: list[str], repositories: Path):
    world.ok("base", "add", "my-wan", "--from", repositories / WAN)
    spec = json.loads((world.home / "bases" / "my-wan" / "base.json").read_text())
    assert (spec["name"], spec["family"]) == ("my-wan", "wan")


def test_half_precision_alone_will_do(world: World, tiny: list[str], repositories: Path, tmp_path: Path):
    half = shutil.copytree(repositories / SD15, tmp_path / "half")
    (half / "unet" / WEIGHTS).rename(half / "unet" / "diffusion_pytorch_model.fp16.safetensors")
    world.ok("base", "add", NAME, "--from", half, "--from", repositories / ADAPTER)
    assert list(files_below(world.home / "bases" / NAME / "unet")) == ["config.json", WEIGHTS]


def test_a_bases_own_folder_can_be_carried_to_another_machine(world: World, tiny: list[str], tmp_path: Path):
    world.ok("base", "add", NAME, *tiny)
    carried = shutil.copytree(world.home / "bases" / NAME, tmp_path / "stick")
    world.ok("base", "remove", NAME)
    world.ok("base", "add", NAME, "--from", carried)
    world.ok("base", "verify", NAME)
    path = carried / "unet" / WEIGHTS
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    world.ok("base", "remove", NAME)
    said = world.mivactl("base", "add", NAME, "--from", carried)
    assert said.exit_code == 5
    assert "digest of its weights is" in said.err
    assert left_behind(world) == []


def test_a_part_that_is_not_there_is_named(world: World, tiny: list[str], repositories: Path):
    said = world.mivactl("base", "add", NAME, "--from", repositories / SD15)
    assert said.exit_code == 3
    assert "error: no `motion_adapter` in" in said.err
    assert f"hint: it is published as `{ADAPTER}`; `--from` may be given more than once" in said.err
    assert world.mivactl("base", "add", NAME, "--from", world.folder / "nowhere").exit_code == 3
    assert left_behind(world) == []


def write_hollow(folder: Path, model: Any, **changes: Any) -> Path:
    """A model of full size: its configuration, and a weights file with a true header and no content on the disk.

    Args:
        folder: to write to.
        model: on the meta device.
        changes: `drop` leaves out tensors whose name holds that text.
    """
    drop = changes.get("drop")
    shapes = {name: tuple(t.shape) for name, t in model.state_dict().items() if drop is None or drop not in name}
    header, offset = {}, 0
    for name, shape in shapes.items():
        count = 2 * torch.Size(shape).numel()
        header[name] = {"dtype": "F16", "shape": shape, "data_offsets": [offset, offset + count]}
        offset += count
    text = json.dumps(header).encode()
    folder.mkdir(parents=True)
    with (folder / WEIGHTS).open("wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        file.truncate(8 + len(text) + offset)
    config = {"_class_name": type(model).__name__, **{k: v for k, v in model.config.items() if not k.startswith("_")}}
    (folder / "config.json").write_text(json.dumps(config))
    return folder


def on_meta(model: type, **config: Any) -> Any:
    with torch.device("meta"):
        return model(**config)


def hollow_known(name: str, part: str, folder: Path) -> Path:
    """A part as the real base has it."""
    config = KNOWN[name].config(part)
    return write_hollow(folder / part, on_meta(getattr(diffusers, config.pop("_class_name")), **config))


SDXL = {
    "block_out_channels": (320, 640, 1280),
    "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
    "up_block_types": ("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
    "transformer_layers_per_block": (1, 2, 10),
    "attention_head_dim": (5, 10, 20),
    "cross_attention_dim": 2048,
    "use_linear_projection": True,
}
WAN_14B = {"num_attention_heads": 40, "attention_head_dim": 128, "ffn_dim": 13824, "num_layers": 40, "text_dim": 4096}


@pytest.mark.parametrize(
    ("part", "model", "config", "message"),
    [
        ("motion_adapter", "MotionAdapter", MOTION | {"use_motion_mid_block": True}, "use_motion_mid_block is `true`"),
        ("motion_adapter", "MotionAdapter", MOTION | {"motion_max_seq_length": 24}, "motion_max_seq_length is `24`"),
        ("unet", "UNet2DConditionModel", SDXL, "block_out_channels is `[320, 640, 1280]`, expected `[320, 640, 1280,"),
        ("transformer", "WanTransformer3DModel", WAN_14B, "num_attention_heads is `40`, expected `12`"),
    ],
    ids=["v2-mid-block", "24-positions", "sdxl", "wan-14b"],
)
def test_a_wrong_base_is_refused_and_the_difference_named(
    world: World, tmp_path: Path, part: str, model: str, config: dict[str, Any], message: str
):
    name = NAME if part != "transformer" else "wan2.1-t2v-1.3b"
    wrong = write_hollow(tmp_path / "wrong" / part, on_meta(getattr(diffusers, model), **config))
    for other in KNOWN[name].base.parts:
        if other.part != part:
            hollow_known(name, other.part, wrong.parent)
    said = world.mivactl("base", "add", name, "--from", wrong.parent)
    assert said.exit_code == 4, said.err
    assert f"error: this `{part}` is not that of base `{name}`: " in said.err
    assert message in said.err
    assert f"hint: `mivactl base fetch {name}` takes it from" in said.err
    assert left_behind(world) == []
    # the same where the configuration says nothing: the files' headers alone tell
    (wrong / "config.json").write_text(json.dumps({"_class_name": model}))
    said = world.mivactl("base", "add", name, "--from", wrong.parent)
    assert said.exit_code == 4, said.err
    told = {
        "use_motion_mid_block is `true`": "27 tensors have no place in it, such as `mid_block.motion_modules.0.",
        "motion_max_seq_length is `24`": "20 tensors have another shape, such as "
        "`down_blocks.0.motion_modules.0.transformer_blocks.0.pos_embed.pe` of 1 x 24 x 320, expected 1 x 32 x 320",
        "num_attention_heads is `40`, expected `12`": "of 1 x 2 x 5120, expected 1 x 2 x 1536",
    }
    assert told.get(message, "tensors are missing, such as") in said.err


def test_half_a_motion_adapter_is_refused(world: World, tmp_path: Path):
    folder = tmp_path / "half"
    hollow_known(NAME, "unet", folder)
    hollow_known(NAME, "vae", folder)
    write_hollow(folder / "motion_adapter", on_meta(diffusers.MotionAdapter, **MOTION), drop="up_blocks")
    said = world.mivactl("base", "add", NAME, "--from", folder)
    assert said.exit_code == 4
    assert "324 of 540 tensors are missing, such as `up_blocks.0.motion_modules.0.norm.weight`" in said.err
    assert left_behind(world) == []


def test_nano_takes_its_own_weights_only(world: World, tiny: list[str], tmp_path: Path):
    said = world.mivactl("base", "add", "nano", *tiny)
    assert said.exit_code == 2
    assert "error: base `nano` comes with mivactl" in said.err
    world.ok("base", "add", NAME, *tiny)
    said = world.mivactl("base", "add", "nano", "--from", world.home / "bases" / NAME)
    assert said.exit_code == 4
    assert "base `nano` is the one with `" in said.err
    assert "takes no others" in said.err
