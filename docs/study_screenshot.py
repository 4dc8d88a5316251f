"""Takes the picture of a study in this folder: `python -m docs.study_screenshot` (needs Chromium).

One question about the sample picture, as a wide window shows it in light colours and a telephone in dark ones. The
clips are the sample clip that comes with mivactl and three that no model made: the still picture, a zoom and a pan.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Thread
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from docs.gallery_screenshot import side_by_side, small
from engine.video.clip_reader import read_clip
from engine.video.clip_writer import write_clip
from mivactl.operations.studies import StudyWish, new_study, study_server
from tests.browser import Browser, browser

if TYPE_CHECKING:
    from numpy.typing import NDArray

TARGET = Path(__file__).parent / "study.webp"
SAMPLE = Path(__file__).parents[1] / "mivactl" / "samples" / "demo.webp"
WIDE, PHONE, PHONE_SCALE = (1280, 900), (390, 844), 2
MOVING = (
    "document.body.dataset.screen === 'question' && !document.getElementById('tiles').classList.contains('waiting')"
)


def windows(frame: NDArray[np.uint8], boxes: list[tuple[float, float, float, float]]) -> NDArray[np.uint8]:
    """Parts of one frame `h w 3`, each enlarged to all of it."""
    size = (frame.shape[1], frame.shape[0])
    picture = Image.fromarray(frame)
    return np.stack([np.asarray(picture.resize(size, Image.Resampling.LANCZOS, box=box)) for box in boxes])


def write_clips(folder: Path) -> list[str]:
    """The sample clip and three others of its first frame, a folder for each method."""
    frames = read_clip(SAMPLE).frames
    still = frames[0]
    height, width, _ = still.shape
    steps = np.linspace(0, 0.12, len(frames))
    zoom = [(step * width / 2, step * height / 2, width * (1 - step / 2), height * (1 - step / 2)) for step in steps]
    pan = [(step * width, 0.06 * height, (0.88 + step) * width, 0.94 * height) for step in steps]
    made = {
        "mivactl": frames,
        "still": np.repeat(still[None], len(frames), axis=0),
        "zoom": windows(still, zoom),
        "pan": windows(still, pan),
    }
    for method, clip in made.items():
        for name in ("morning", "evening"):
            write_clip(clip, folder / method / "waterfall+clouds" / f"{name}.mp4", fps=8)
    return [str(folder / method) for method in made]


def photographed(tab: Browser, address: str, size: tuple[int, int], *, scale: float, scheme: str) -> bytes:
    """What a window of this size shows of the first question, the second clip chosen."""
    tab.emulate(width=size[0], height=size[1], scale=scale, prefers_color_scheme=scheme)
    tab.go(address)
    tab.run("localStorage.clear()")
    tab.go(address)
    tab.wait("!document.getElementById('start').disabled")
    tab.click("#start")
    tab.wait(MOVING)
    tab.run("new Promise((resolve) => setTimeout(resolve, 700))")
    tab.press("2")
    return tab.screenshot()


def main() -> None:
    """The command."""
    from io import BytesIO

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=TARGET)
    arguments = parser.parse_args()
    with TemporaryDirectory(ignore_cleanup_errors=True) as name:
        folder = Path(name)
        new_study(write_clips(folder / "clips"), StudyWish(seed=1), out=folder / "study")
        with study_server(folder / "study", host="127.0.0.1", port=0) as server, browser(folder / "profile") as tab:
            Thread(target=server.serve_forever, daemon=True).start()
            shots = [
                photographed(tab, server.address, size, scale=scale, scheme=scheme)
                for size, scale, scheme in ((WIDE, 1, "light"), (PHONE, PHONE_SCALE, "dark"))
            ]
            server.shutdown()
    wide, phone = (Image.open(BytesIO(shot)).convert("RGB") for shot in shots)
    arguments.out.write_bytes(small(side_by_side(wide, phone)))


if __name__ == "__main__":
    main()
