"""Clips of the base alone, with nothing attached: what adapters are measured against."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.animation.generation import encode_frame
from engine.animation.photo_framing import frame_photo
from engine.bases.catalog import load_base
from engine.bench.run_file import clip_place
from engine.device import choose_device, choose_dtype
from engine.progress import SilentProgress
from engine.run_settings import RunChoices, settle
from engine.sampling.sampler import Sampler, SamplerSettings
from engine.shapes import latent_frames
from engine.video.clip_tensor import to_frames
from engine.video.clip_writer import write_clip
from engine.video.detail_carry import BaseClip, enlarge_clip
from engine.video.framed_picture import to_base, to_picture
from engine.video.photo import open_photo

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from jaxtyping import UInt8

    from engine.bases.base import Base
    from engine.bench.run_file import BenchRun
    from engine.progress import Progress
    from engine.video.photo import Photo
    from registry_schema.receipt import RunSettings

METHOD = "base"


def make_base_clips(run: BenchRun, folder: Path, base_folder: Path, *, progress: Progress | None = None) -> None:
    """Write the clips of the base alone that are not there yet, on the way of `animate` but for the adapters.

    They have no receipt, which names adapters; seed and steps are those of the run.

    Args:
        run: whose cases get a clip.
        folder: of the run.
        base_folder: of the base.
        progress: told about every clip.

    Raises:
        NotFound, IntegrityProblem: the base, or a picture.
    """
    wanted = [case for case in run.cases if not clip_place(folder, case.name, METHOD).exists()]
    if not wanted:
        return
    device = choose_device()
    base = load_base(base_folder, device=device, dtype=choose_dtype(device))
    settings = settle(RunChoices(seed=run.seed, steps=run.steps, size="base"), base.spec, [])
    with (progress or SilentProgress()).phase("clips of the base", len(wanted)) as phase:
        for case in wanted:
            place = clip_place(folder, case.name, METHOD)
            place.parent.mkdir(parents=True, exist_ok=True)
            write_clip(_clip(base, open_photo(folder / case.photo), settings), place, fps=settings.fps)
            phase.advance()


def _clip(base: Base, photo: Photo, settings: RunSettings) -> UInt8[np.ndarray, "f h w 3"]:
    framing = frame_photo(photo.size, settings, whole=False)
    sampler = Sampler(
        base,
        SamplerSettings(
            frames=latent_frames(settings.clip.frames, base.spec.latent),
            sampler=settings.sampler,
            steps=settings.steps,
            start_noise=settings.start_noise,
            match_first_frame=settings.match_first_frame,
        ),
    )
    latents = sampler.sample(encode_frame(base, to_base(photo.pixels, framing)), seed=settings.seed)
    origins = base.origin(latents)
    known = None if origins is None else origins[0].permute(1, 2, 3, 0).cpu().numpy()
    clip = BaseClip(to_frames(base.decode(latents)[0]), known)
    return enlarge_clip(clip, to_picture(photo.pixels, framing), framing)
