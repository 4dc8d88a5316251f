"""Runs a pipeline of diffusers over the cases of a run: one table says how each kind is called."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import torch
from PIL import Image

from engine.bench.equal_footing import fitted
from engine.bench.run_file import clip_place
from engine.bench.scoring import footing_of
from engine.device import choose_device, choose_dtype
from engine.progress import SilentProgress
from engine.video.clip_writer import write_clip
from engine.video.photo import open_photo
from registry_schema.errors import IntegrityProblem, NotFound, UsageProblem

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from jaxtyping import UInt8

    from engine.bench.equal_footing import Footing
    from engine.bench.run_file import BenchRun
    from engine.progress import Progress


@dataclass(frozen=True, kw_only=True)
class PipelineKind:
    """How a pipeline of diffusers is called.

    Attributes:
        title: in words.
        class_name: in `diffusers`.
        prompted: whether it takes the case's prompt.
        frames: the name of its parameter for the number of frames.
        multiple: sides of its frames are multiples of it.
        needs: a package that it can not do without.
        frames_of: how many frames it makes for so many wanted; it may make more.
        more: its further arguments, for a rate of frames.
    """

    title: str
    class_name: str
    prompted: bool
    frames: str = "num_frames"
    multiple: int = 8
    needs: str = ""
    frames_of: Callable[[int], int] = lambda wanted: wanted
    more: Callable[[float], Mapping[str, Any]] = lambda _fps: {}


def _whole_groups(wanted: int) -> int:
    """Wan makes one more than a multiple of four."""
    return -(-(wanted - 1) // 4) * 4 + 1


KINDS: Final[Mapping[str, PipelineKind]] = {
    "svd": PipelineKind(
        title="Stable Video Diffusion",
        class_name="StableVideoDiffusionPipeline",
        prompted=False,
        multiple=64,
        more=lambda fps: {"fps": max(1, round(fps)), "decode_chunk_size": 2},
    ),
    "i2vgen-xl": PipelineKind(
        title="I2VGen-XL",
        class_name="I2VGenXLPipeline",
        prompted=True,
        multiple=64,
        more=lambda fps: {"target_fps": max(1, round(fps))},
    ),
    "pia": PipelineKind(title="PIA", class_name="PIAPipeline", prompted=True),
    "wan-i2v": PipelineKind(
        title="Wan image-to-video",
        class_name="WanImageToVideoPipeline",
        prompted=True,
        multiple=16,
        needs="ftfy",
        frames_of=_whole_groups,
    ),
}


class PipelineRunner:
    """A pipeline that is loaded, with its kind.

    Args:
        kind: a key of `KINDS`.
        pipeline: of the kind's class.
        steps: of denoising; None is the pipeline's own number.
    """

    def __init__(self, kind: str, pipeline: Any, *, steps: int | None = None) -> None:  # noqa: ANN401 - diffusers has no types
        self._kind = KINDS[kind]
        self._pipeline = pipeline
        self._steps = steps
        pipeline.set_progress_bar_config(disable=True)
        _name_text_model(getattr(pipeline, "text_encoder", None))

    def animate(
        self, picture: UInt8[np.ndarray, "h w 3"], prompt: str, footing: Footing, *, seed: int
    ) -> UInt8[np.ndarray, "f h w 3"]:
        """The clip of a picture, on the footing's size and with its number of frames.

        The pipeline sees the picture at the nearest size it takes; a pipeline that can not make a clip of this length
        raises what it raises.
        """
        kind = self._kind
        width, height = (max(kind.multiple, round(side / kind.multiple) * kind.multiple) for side in
                         (footing.width, footing.height))  # fmt: skip
        arguments: dict[str, Any] = {
            "image": Image.fromarray(fitted(picture, width, height)),
            "width": width,
            "height": height,
            kind.frames: kind.frames_of(footing.frames),
            "generator": torch.Generator().manual_seed(seed),
            "output_type": "np",
            **kind.more(footing.fps),
        }
        if kind.prompted:
            arguments["prompt"] = prompt
        if self._steps is not None:
            arguments["num_inference_steps"] = self._steps
        with torch.no_grad():
            frames = np.asarray(self._pipeline(**arguments).frames[0])[: footing.frames]
        levels = np.rint(np.nan_to_num(frames) * 255).clip(0, 255).astype(np.uint8)
        return np.stack([fitted(frame, footing.width, footing.height) for frame in levels])


def _name_text_model(encoder: Any) -> None:  # noqa: ANN401 - a model of transformers, or None
    """Let CLIP's text encoder be found in the place where I2VGen-XL looks for it.

    transformers 5 has the parts of `text_model` in the encoder itself. It is no submodule of itself, only a name.
    """
    if encoder is not None and hasattr(encoder, "final_layer_norm") and not hasattr(encoder, "text_model"):
        object.__setattr__(encoder, "text_model", encoder)


def load_runner(kind: str, folder: Path) -> PipelineRunner:
    """The pipeline in a folder that `save_pretrained` wrote; nothing is fetched, no code in it is run.

    Raises:
        UsageProblem: no such kind.
        NotFound: no such folder.
        IntegrityProblem: it holds no such pipeline.
    """
    if kind not in KINDS:
        raise UsageProblem(f"`{kind}` is no pipeline we run, expected one of {', '.join(KINDS)}")
    if not (folder / "model_index.json").is_file():
        raise NotFound(f"`{folder}` holds no pipeline of diffusers", hint="give a folder with a `model_index.json`")
    needs = KINDS[kind].needs
    if needs and find_spec(needs) is None:
        raise NotFound(f"`{kind}` needs the package `{needs}`", hint="run `pip install 'mivactl[bench]'`")
    import diffusers

    device = choose_device()
    try:
        pipeline = getattr(diffusers, KINDS[kind].class_name).from_pretrained(
            folder, torch_dtype=choose_dtype(device), local_files_only=True, use_safetensors=True
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise IntegrityProblem(f"`{folder}` is no `{KINDS[kind].class_name}`: {error}") from error
    return PipelineRunner(kind, pipeline.to(device))


def run_pipeline(
    kind: str, folder: Path, run: BenchRun, run_folder: Path, *, seed: int, progress: Progress | None = None
) -> None:
    """Make the clips of a pipeline that are not there yet.

    Raises:
        UsageProblem, NotFound, IntegrityProblem: the kind or its folder.
    """
    wanted = [case for case in run.cases if not clip_place(run_folder, case.name, kind).exists()]
    runner = load_runner(kind, folder) if wanted else None
    with (progress or SilentProgress()).phase(f"clips of {kind}", len(wanted)) as phase:
        for case in wanted:
            photo = open_photo(run_folder / case.photo).pixels
            footing = footing_of(run, (photo.shape[1], photo.shape[0]))
            if runner is not None:
                frames = runner.animate(photo, case.prompt, footing, seed=seed)
                write_clip(frames, clip_place(run_folder, case.name, kind), fps=footing.fps)
            phase.advance()
