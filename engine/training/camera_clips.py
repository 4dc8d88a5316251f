"""`make_camera_clips`: the synthetic clips of one camera motion, filmed from a folder of pictures.

| file | what |
|---|---|
| `camera-003-2.apng` | the third clip of the fourth picture, one window of a base long |
| `camera-set.json` | which picture each clip is from, and where its path begins and ends |
| `camera-recipe.toml` | what `train --recipe` should know of such clips |
"""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.clip_requests import CAMERA_MOTIONS, CameraResult
from engine.toml_text import toml_text
from engine.training.camera_film import film
from engine.training.camera_path import NoRoom, camera_path
from engine.training.clip_folder import ClipFault, UnusableFiles, visible_files
from engine.video.clip_writer import write_clip
from engine.video.framing import Size
from engine.video.photo import open_photo
from engine.video.whole_output import whole_folder
from registry_schema.errors import MivaError, NotFound, UsageProblem

if TYPE_CHECKING:
    from pathlib import Path

    from engine.clip_requests import CameraRequest
    from engine.progress import Phase, Progress
    from engine.training.camera_path import View
    from engine.video.photo import Photo

SET_NAME, RECIPE_NAME = "camera-set.json", "camera-recipe.toml"
SET_SCHEMA = "miva.camera-set/1"
OURS = "camera-*"


def make_camera_clips(request: CameraRequest, progress: Progress) -> CameraResult:
    """A folder of clips to train a camera motion on; it appears whole or not at all.

    The clips of a picture do not depend on the other pictures of the folder. Their speeds are spread evenly over the
    range of the motion.

    Raises:
        NotFound: no such folder, or no picture in it.
        UnusableFiles: a picture can not be read or is too small; all of them are named.
        UsageProblem: no such motion, or the output folder holds other files.
        ResourceProblem: the disk is full.
    """
    if request.motion not in CAMERA_MOTIONS:
        hint = f"motions are {', '.join(CAMERA_MOTIONS)}"
        raise UsageProblem(f"no camera motion `{request.motion}`", hint=hint)
    paths = visible_files(request.images, what="pictures")
    if not paths:
        raise NotFound(f"`{request.images}` holds no pictures", hint="put about 20 photos of landscapes into it")
    with whole_folder(request.output, ours=OURS) as folder:
        with progress.phase("filming", len(paths)) as phase:
            clips = _film_all(paths, request, folder, phase)
        (folder / SET_NAME).write_text(json.dumps(_record(request, clips), indent=1) + "\n")
        (folder / RECIPE_NAME).write_text(toml_text(camera_recipe(request.motion)))
        written = sum(path.stat().st_size for path in folder.iterdir())
    return CameraResult(request.output, len(paths), len(clips), request.output / RECIPE_NAME, written)


def camera_recipe(motion: str) -> dict[str, Any]:
    """What a recipe should say about clips of a camera motion: all of the picture moves, and not mirrored."""
    return {
        "schema": "miva.recipe/1",
        "adapter": {"motion": f"camera {motion.replace('-', ' ')}", "region": "whole"},
        "clips": {"flip": False},
    }


def _film_all(paths: list[Path], request: CameraRequest, folder: Path, phase: Phase) -> list[dict[str, Any]]:
    """Writes the clips of all pictures, or names all pictures that will not do."""
    clips: list[dict[str, Any]] = []
    faults: list[ClipFault] = []
    for index, path in enumerate(paths):
        try:
            photo = open_photo(path)
            views = _paths_over(photo, request)
        except NoRoom as problem:
            width, height = problem.needed
            reason = f"it has {photo.size[0]}x{photo.size[1]} pixels, expected at least {width}x{height}"
            faults.append(ClipFault(path, reason, "use larger pictures: nothing is enlarged"))
        except MivaError as problem:
            faults.append(ClipFault(path, problem.message, problem.hint))
        else:
            if not faults:
                clips += _film_picture(photo, views, request, folder, index)
        phase.advance()
    if faults:
        raise UnusableFiles(faults, len(paths), noun="picture")
    return clips


def _paths_over(photo: Photo, request: CameraRequest) -> list[tuple[View, ...]]:
    seeds = (request.seed, int(photo.pixel_digest[-16:], 16), CAMERA_MOTIONS.index(request.motion))
    draws = np.random.default_rng(seeds)
    frame = Size(request.clip.width, request.clip.height)
    amounts = (draws.permutation(request.per_picture) + draws.uniform(size=request.per_picture)) / request.per_picture
    return [
        camera_path(
            request.motion, Size(*photo.size), frame, frames=request.clip.frames, amount=float(amount), draws=draws
        )
        for amount in amounts
    ]


def _film_picture(
    photo: Photo, paths: list[tuple[View, ...]], request: CameraRequest, folder: Path, index: int
) -> list[dict[str, Any]]:
    frame = Size(request.clip.width, request.clip.height)
    made = []
    for number, path in enumerate(paths):
        name = f"camera-{index:03d}-{number}{request.suffix}"
        write_clip(film(photo.pixels, path, frame), folder / name, fps=request.clip.fps)
        ends = {"first": asdict(path[0]), "last": asdict(path[-1])}
        made.append({"file": name, "picture": photo.name, "digest": photo.file_digest, **ends})
    return made


def _record(request: CameraRequest, clips: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "schema": SET_SCHEMA,
        "motion": request.motion,
        "seed": request.seed,
        "clip": request.clip.plain(),
        "clips": clips,
    }
