"""How far the bundled optical flow is from the truth: `python -m docs.flow_bias`.

Textured pictures that are panned, where the truth is one number, and generated clips, whose generator knows where every
pixel came from. Rain is streaks in front of a still picture: what no pixel carries along, no flow describes.
"""

from __future__ import annotations

import numpy as np

from engine.pretraining.examples import CANVAS
from engine.pretraining.quality.real_clips import Stream
from engine.pretraining.scenes.catalog import draw_clip
from engine.video.clip_tensor import to_frames
from engine.video.optical_flow import flow, softened, warped

SPEEDS = (0.5, 1.0, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0, 16.0)
MOTIONS = ("camera-pan-right", "camera-zoom-out", "waterfall", "ripples", "clouds", "horse-running", "raining")
TEXTURES, CLIPS = 4, 6
HEIGHT, WIDTH = 160, 256
GRAIN = 1.5


def textured(seed: int) -> np.ndarray:
    """A picture of soft noise."""
    noise = softened(np.random.default_rng(seed).normal(size=(HEIGHT, WIDTH, 3)).astype(np.float32), GRAIN)
    return np.rint(128 + 40 * noise / noise.std()).clip(0, 255).astype(np.uint8)


def panned(speed: float) -> float:
    """Mean length of the flow found on pictures that are moved by `speed` pixels in some direction."""
    found = []
    for seed in range(TEXTURES):
        angle = 2 * np.pi * (seed + 0.3) / TEXTURES
        move = np.array([np.cos(angle), np.sin(angle)], dtype=np.float32) * speed
        picture = textured(seed)
        moved = warped(picture, np.broadcast_to(move, (HEIGHT, WIDTH, 2)).copy())
        found.append(np.linalg.norm(flow(moved, picture), axis=-1).mean())
    return float(np.mean(found))


def generated(motion: str) -> tuple[float, float]:
    """Mean length of the true flow and of the one found, from frame 1 to frame 0 of generated clips."""
    true, found = [], []
    for index in range(CLIPS):
        clip = draw_clip(Stream.EXAMINATION + 2 * index, motion, CANVAS, shown=(0, 1))
        frames = to_frames(clip.frames.transpose(0, 1))
        true.append(float(clip.origin[1].norm(dim=0).mean()))
        found.append(float(np.linalg.norm(flow(frames[1], frames[0]), axis=-1).mean()))
    return float(np.mean(true)), float(np.mean(found))


def main() -> None:
    """Print both tables."""
    rows = [(f"pan, {speed:g} px a frame", speed, panned(speed)) for speed in SPEEDS]
    rows += [(motion, *generated(motion)) for motion in MOTIONS]
    print("| clip | true px | found px | found / true |\n|---|---|---|---|")  # noqa: T201
    for name, true, found in rows:
        ratio = f"{found / true:.2f}" if true > 0 else "-"
        print(f"| {name} | {true:.3f} | {found:.3f} | {ratio} |")  # noqa: T201


if __name__ == "__main__":
    main()
