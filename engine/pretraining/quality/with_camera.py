"""Camera starters beside `clouds`, half each: `python -m engine.pretraining.quality.with_camera`.

On held-out pictures with clouds: does the whole picture go the camera's way, and do the clouds still drift beyond it?
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Final

import numpy as np

from engine.bases.base_folder import base_folder, read_base_spec
from engine.pretraining.quality.animator import Animator
from engine.pretraining.quality.clip_motion import motion_of
from engine.pretraining.quality.real_clips import Stream, real_clip
from engine.pretraining.quality.starters import find_starters
from engine.pretraining.quality.stderr_progress import StderrProgress
from engine.pretraining.quality.strength import SMALLEST, where_seen

if TYPE_CHECKING:
    from jaxtyping import Bool, Float, Float32

    from engine.progress import Phase

CLOUDS: Final = "clouds"
EVEN: Final = 0.5
CAMERAS: Final[dict[str, tuple[float, float]]] = {"camera-pan-right": (-1.0, 0.0), "camera-zoom-out": (0.0, -1.0)}
"""How pixels go under each camera: so much to the right everywhere, and so much away from the middle."""
RIGHT: Final = float(np.cos(np.pi / 4))
"""Cosine that a direction reaches at least: within 45 degrees of the camera's."""
GROUND: Final = 0.05
"""Share of the picture beside the clouds from which the camera's way can be told; of less, all of it is used."""
WANTED_RIGHT, WANTED_KEPT = 0.9, 0.5


@dataclass(frozen=True)
class WithCamera:
    """One picture.

    Attributes:
        cosine: between the way of the whole picture and that of the camera.
        kept: drift of the clouds beyond the camera's way, along that of the clouds alone, as a ratio to it.
        untouched: the same ratio under the camera alone, where no clouds drift.
    """

    cosine: float
    kept: float
    untouched: float


def camera_way(flow: Float32[np.ndarray, "m h w 2"], ground: Bool[np.ndarray, "m h w"]) -> Float[np.ndarray, "h w 2"]:
    """The shift and zoom about the middle that fit the flow of the ground best, as a flow of all pixels.

    By least squares, a second time without the quarter of the pixels that it fits worst: things may move on the ground.
    """
    basis = _basis(*flow.shape[1:3])
    wanted = flow[ground].astype(np.float64)
    known = np.broadcast_to(basis, (*flow.shape, basis.shape[-1]))[ground]
    kept = np.ones(len(wanted), dtype=bool)
    for _ in range(2):
        fit = np.linalg.lstsq(known[kept].reshape(-1, basis.shape[-1]), wanted[kept].reshape(-1), rcond=None)[0]
        error = np.linalg.norm(known @ fit - wanted, axis=-1)
        kept = error <= np.quantile(error, 0.75)
    return basis @ fit


def cosine_to(way: Float[np.ndarray, "h w 2"], camera: str) -> float:
    """Between a flow of all pixels and that of one of `CAMERAS`; 0 where nothing moves."""
    right, away = CAMERAS[camera]
    ideal = _basis(*way.shape[:2]) @ np.array([right, 0.0, away])
    size = float(np.linalg.norm(way) * np.linalg.norm(ideal))
    return float((way * ideal).sum()) / max(size, SMALLEST)


def drift(flow: Float32[np.ndarray, "m h w 2"], sky: Bool[np.ndarray, "m h w"]) -> Float[np.ndarray, "2"]:
    """Mean flow of the clouds beyond the camera's way, in pixels from a frame to the next."""
    outside = ~sky.any(axis=0)
    ground = np.broadcast_to(outside if outside.mean() > GROUND else np.ones_like(outside), sky.shape)
    return (flow - camera_way(flow, ground))[sky].mean(axis=0, dtype=np.float64)


def try_camera(camera: str, animator: Animator, *, pictures: int, phase: Phase) -> list[WithCamera]:
    """Animate and measure.

    Args:
        camera: one of `CAMERAS`.
        animator: with its starter and that of the clouds.
        pictures: how many.
        phase: told about every clip.
    """
    tried = []
    for index in range(pictures):
        real = real_clip(CLOUDS, Stream.PICTURES, index)
        sky = where_seen(real)
        flows = []
        lone = animator.lone_weight
        for weights in ({CLOUDS: lone}, {camera: lone}, {camera: EVEN, CLOUDS: EVEN}):
            flows.append(motion_of(animator.animate(real.frames[0], weights, seed=real.seed)).flow)
            phase.advance()
        alone, untouched, both = (drift(flow, sky) for flow in flows)
        size = max(float(alone @ alone), SMALLEST)
        whole = camera_way(flows[2], np.ones_like(sky))
        tried.append(WithCamera(cosine_to(whole, camera), float(both @ alone) / size, float(untouched @ alone) / size))
    return tried


def table(found: dict[str, list[WithCamera]]) -> str:
    """Markdown."""
    lines = [
        "| beside `clouds`, half each | pictures | way of the camera | clouds keep, median | without clouds | wanted |",
        "|---|---|---|---|---|---|",
    ]
    for camera, tried in found.items():
        right = sum(one.cosine >= RIGHT for one in tried)
        kept, nothing = (median(getattr(one, name) for one in tried) for name in ("kept", "untouched"))
        met = right >= WANTED_RIGHT * len(tried) and kept >= WANTED_KEPT
        cells = [camera, str(len(tried)), f"right in {right}", f"{kept:.0%}", f"{nothing:.0%}", "met" if met else "no"]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _basis(height: int, width: int) -> Float[np.ndarray, "h w 2 3"]:
    """Right, down, and away from the middle; the last one is 1 pixel long at half the width."""
    down, right = np.mgrid[:height, :width]
    away = np.stack([right - (width - 1) / 2, down - (height - 1) / 2], axis=-1) / (width / 2)
    shifts = np.broadcast_to(np.eye(2), (height, width, 2, 2))
    return np.concatenate([shifts, away[..., None]], axis=-1)


def main() -> None:
    """Command line of the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pictures", type=int, default=10, help="for each camera")
    parser.add_argument("--base", type=Path, default=base_folder("nano"), help="folder of the base")
    parser.add_argument("--weights", type=Path, default=Path("mivactl/starter"), help="a registry, or a drafts folder")
    options = parser.parse_args()
    starters = find_starters(options.weights, (CLOUDS, *CAMERAS), read_base_spec(options.base).base_identity)
    animator = Animator(options.base, starters)
    with StderrProgress().phase("clips", 3 * len(CAMERAS) * options.pictures) as phase:
        found = {
            camera: try_camera(camera, animator, pictures=options.pictures, phase=phase)
            for camera in CAMERAS
            if camera in starters
        }
    print(table(found))  # noqa: T201


if __name__ == "__main__":
    main()
