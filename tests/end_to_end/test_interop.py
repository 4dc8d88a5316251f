"""A checkpoint from elsewhere through the commands, and mivactl from Python."""

from __future__ import annotations

import json
import shutil

import pytest
import safetensors.torch
import torch
from diffusers import MotionAdapter, UNet2DConditionModel, UNetMotionModel

import mivactl
from engine.bases.catalog import load_base
from mivactl.cli.app import run
from mivactl.engine_bridge import clip_receipt
from registry_schema.errors import Busy, Incompatible, NotFound, UsageProblem
from tests.end_to_end.tiny_world import FRAMES, HEIGHT, WIDTH, TinyWorld, write_adapter_draft, write_photo
from tests.engine.interop.authors_files import animatediff_adapter, filled
from tests.engine.interop.tiny_pipelines import animatediff_around
from tests.published_tiny import MOTION, UNET, seeded, write_publications, write_repositories


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    world = TinyWorld(tmp_path_factory.mktemp("interop"))
    base = load_base(world.base_folder, device=torch.device("cpu"), dtype=torch.float32)
    world.denoiser = base.denoiser
    torch.save(filled(animatediff_adapter(base.denoiser)), world.folder / "adapter.pt")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MIVACTL_HOME", str(world.home))
        draft = world.folder / "rain"
        assert run(["import", str(world.folder / "adapter.pt"), "--name", "my/rain", "-o", str(draft), "--quiet"]) == 0
        assert run(["publish", str(draft), "--quiet"]) == 0
        clouds = write_adapter_draft(world.folder / "clouds", world.base_folder, "my/clouds", seed=3)
        assert run(["publish", str(clouds), "--quiet"]) == 0
        assert run(["install", "my/rain", "my/clouds", "--quiet"]) == 0
    write_photo(world.folder / "p.jpg", width=WIDTH, height=HEIGHT)
    return world


@pytest.fixture
def at_home(world, monkeypatch):
    monkeypatch.setenv("MIVACTL_HOME", str(world.home))
    return world


def latents(pipe):
    generator = torch.Generator().manual_seed(0)
    return pipe(
        "", num_frames=4, num_inference_steps=1, guidance_scale=1, height=32, width=32,
        generator=generator, output_type="latent",
    ).frames  # fmt: skip


def test_import_says_what_it_assumed(at_home, capsys):
    said = run(["import", str(at_home.folder / "adapter.pt"), "--name", "my/storm", "-o", str(at_home.folder / "storm"),
                "--temperature", "0.5", "--motion", "a storm", "--json"])  # fmt: skip
    data = json.loads(capsys.readouterr().out)["data"]
    assert said == 0
    assert data["spec"]["motion"] == "a storm"
    assert data["spec"]["cross_frame_attention"]["weighting"]["temperature"] == 0.5
    assert "the temperature of the reference weights is 0.5: the file does not say" in data["notes"]
    assert run(["import", str(at_home.folder / "p.jpg"), "--name", "my/storm", "-o", str(at_home.folder / "no")]) == 5
    assert "is neither safetensors nor a checkpoint of torch" in capsys.readouterr().err
    assert run(["import", "nowhere.pt", "--name", "my/storm", "-o", str(at_home.folder / "no")]) == 3
    assert (
        run(["import", str(at_home.folder / "adapter.pt"), "--name", "my/storm", "-o", "no", "--temperature", "0"]) == 2
    )


def test_three_lines_animate_a_photo(at_home):
    target = at_home.folder / "p.mp4"
    animation = mivactl.animate(at_home.folder / "p.jpg", use={"my/rain": 0.5, "my/clouds": 0.5}, base="tiny", seed=7)
    assert animation.frames.shape == (FRAMES, HEIGHT, WIDTH, 3)
    result = animation.save(target)
    receipt = clip_receipt(target)
    assert receipt == result.receipt
    assert [(str(one.name), one.weight) for one in receipt.adapters] == [("my/rain", 0.5), ("my/clouds", 0.5)]
    assert receipt.settings.seed == 7
    again = mivactl.animate(at_home.folder / "p.jpg", use=["my/rain:0.5", "my/clouds:0.5"], seed=7)
    assert (again.frames == animation.frames).all()
    animation.save(at_home.folder / "p.gif")
    (at_home.folder / "other.mp4").write_bytes(b"somebody's")
    with pytest.raises(Busy):
        animation.save(at_home.folder / "other.mp4")


def test_what_goes_wrong_in_python_ends_with_the_way_out(at_home):
    with pytest.raises(NotFound) as error:
        mivactl.animate(at_home.folder / "p.jpg", use="my/rainn")
    assert error.value.__notes__ == ["hint: did you mean `my/rain`?"]
    with pytest.raises(UsageProblem, match="all weights are 0"):
        mivactl.animate(at_home.folder / "p.jpg", use={"my/rain": 0})
    with pytest.raises(AttributeError):
        mivactl.nothing  # noqa: B018


def test_three_lines_put_adapters_on_a_pipeline(at_home, tmp_path):
    pipe = animatediff_around(at_home.denoiser, tmp_path, prediction="v_prediction")
    before = latents(pipe)
    assert mivactl.load_miva(pipe, "my/rain") == "my/rain"
    assert mivactl.load_miva(pipe, at_home.folder / "clouds") == "my/clouds"
    both = latents(pipe)
    mivactl.set_adapters(pipe, {"my/rain": 0.5, "my/clouds": 0.5})
    assert torch.equal(latents(pipe), both)
    mivactl.set_adapters(pipe, {"my/clouds": 1.0})
    assert not torch.allclose(latents(pipe), both, atol=1e-4)
    mivactl.unload_miva(pipe)
    assert torch.equal(latents(pipe), before)


def test_a_pipeline_with_another_scheduler_is_told_the_line_that_helps(at_home, tmp_path):
    pipe = animatediff_around(at_home.denoiser, tmp_path)
    with pytest.raises(Incompatible, match="prediction_type `epsilon`") as error:
        mivactl.load_miva(pipe, "my/rain")
    assert "prediction_type='v_prediction'" in error.value.__notes__[0]


def test_a_pipeline_that_normalises_otherwise_is_told_the_line_that_helps(at_home, tmp_path):
    pipe = animatediff_around(at_home.denoiser, tmp_path, prediction="v_prediction")
    before = latents(pipe)
    mivactl.set_motion_norm(pipe, "frame")
    with pytest.raises(Incompatible, match="runs motion_norm `frame`, the adapter was trained with `clip`") as error:
        mivactl.load_miva(pipe, "my/rain")
    assert error.value.__notes__ == ["hint: `mivactl.set_motion_norm(pipe, 'clip')`, then load it again"]
    mivactl.set_motion_norm(pipe, "clip")
    assert torch.equal(latents(pipe), before)
    mivactl.load_miva(pipe, "my/rain")
    mivactl.unload_miva(pipe)


def test_a_pipeline_around_a_published_base_is_told_how_to_fetch_it(at_home, tmp_path):
    published = at_home.home / "published"
    write_publications(published, write_repositories(tmp_path / "hub"))
    unet, motion = seeded(UNet2DConditionModel, **UNET), seeded(MotionAdapter, **MOTION)
    pipe = animatediff_around(UNetMotionModel.from_unet2d(unet, motion), tmp_path)
    with pytest.raises(NotFound, match="no base `animatediff-v3` on this machine") as error:
        mivactl.load_miva(pipe, "my/rain")
    assert "`mivactl base fetch animatediff-v3` downloads it" in error.value.__notes__[0]
    shutil.rmtree(published)
    with pytest.raises(Incompatible, match="none of the bases this machine knows: `tiny`, `nano`"):
        mivactl.load_miva(pipe, "my/rain")


def test_a_motion_lora_goes_out_and_comes_back(at_home, capsys):
    file = at_home.folder / "motion.safetensors"
    assert run(["export", "my/rain", "--motion-lora", str(file), "--json"]) == 0
    exported = json.loads(capsys.readouterr().out)["data"]["export"]
    tensors = safetensors.torch.load_file(file)
    assert exported["tensors"] == len(tensors)
    assert exported["left_behind"] > 0
    assert run(["export", "my/rain", "--motion-lora", str(file)]) == 8
    assert run(["export", str(at_home.folder / "rain"), "--motion-lora", str(file), "--force", "--quiet"]) == 0
    assert run(["import", str(file), "--motion-lora", "--name", "my/back", "-o", str(at_home.folder / "back")]) == 0
    back = safetensors.torch.load_file(at_home.folder / "back" / "adapter.safetensors")
    assert len(back) == len(tensors)
    assert sorted(map(float, (t.sum() for t in back.values()))) == sorted(
        map(float, (t.sum() for t in tensors.values()))
    )
