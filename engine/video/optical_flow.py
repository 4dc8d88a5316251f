"""Optical flow, grabCut, and the few picture operations around them: the only module that imports OpenCV.

A flow `h w 2` float32 holds, for each pixel of one frame, how many pixels right and down its content lies in another.
"""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

# DIS works on patches of 8 pixels: in frames of 128x80, motion is found finer on twice the size
# (error on a rotation by 4 degrees: 0.09 pixels at 1x, 0.07 at 2x, 0.11 at 4x).
ESTIMATION_SCALE = 2
# Kept apart from a flow's own size so that fast motion, whose flow is less exact, is not called unsure everywhere.
TOLERANCE_PIXELS = 0.5
TOLERANCE_SHARE = 0.05
SURELY_BEHIND, SURELY_SUBJECT, MAYBE_BEHIND, MAYBE_SUBJECT = cv2.GC_BGD, cv2.GC_FGD, cv2.GC_PR_BGD, cv2.GC_PR_FGD
"""What `cut_out` is told of each pixel; only what may be is decided."""

_threads_lock = threading.Lock()


def flow(
    from_frame: NDArray[np.uint8], to_frame: NDArray[np.uint8], *, guess: NDArray[np.float32] | None = None
) -> NDArray[np.float32]:
    """Where each pixel of `from_frame` `h w 3` lies in `to_frame`, as a flow `h w 2`.

    Two passes: the second one looks at `to_frame` already pulled back by the first, and finds what is left. The same
    frames give the same flow on any number of threads.

    Args:
        from_frame: the frame whose pixels are asked about.
        to_frame: the frame in which they are looked for.
        guess: a flow near the answer, such as the last frame's; it makes motion wider than the search findable.

    Source: Kroeger et al. 2016, Fast Optical Flow using Dense Inverse Search (arXiv 1603.03590), preset medium.
    """
    height, width = from_frame.shape[:2]
    start, goal = _prepared(from_frame), _prepared(to_frame)
    search = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    search.setFinestScale(0)
    wide = None if guess is None else resized_flow(guess, (start.shape[1], start.shape[0]))
    with _one_thread():
        found = np.asarray(search.calc(start, goal, wide), dtype=np.float32)
        rest = np.asarray(search.calc(start, warped(goal, found), None), dtype=np.float32)
    return resized_flow(rest + warped(found, rest), (width, height))


def disagreement(there: NDArray[np.float32], back: NDArray[np.float32]) -> NDArray[np.float32]:
    """How far a pixel lands from home on its way there and back, `h w`, in units of what is tolerable.

    Infinite where the way leads out of the frame.
    """
    height, width = there.shape[:2]
    loop = there + warped(back, there)
    tolerable = TOLERANCE_PIXELS + TOLERANCE_SHARE * np.hypot(there[..., 0], there[..., 1])
    distance = (np.hypot(loop[..., 0], loop[..., 1]) / tolerable).astype(np.float32)
    columns, rows = _places(there)
    inside = (columns > -0.5) & (columns < width - 0.5) & (rows > -0.5) & (rows < height - 0.5)
    return np.where(inside, distance, np.float32(np.inf)).astype(np.float32)


def warped(picture: NDArray, by: NDArray[np.float32]) -> NDArray:
    """The picture `h w ...` fetched through a flow of its own size: at each pixel, what lies where the flow points.

    Cubic between pixels, mirrored beyond the edge; a flow of zero returns the picture bit for bit.
    """
    columns, rows = _places(by)
    return cv2.remap(picture, columns, rows, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT)


def enlarged(picture: NDArray, size: tuple[int, int]) -> NDArray:
    """The picture at `size` (width, height): cubic when it grows, area averages when it shrinks; dtype kept."""
    shrinks = size[0] < picture.shape[1] or size[1] < picture.shape[0]
    return cv2.resize(picture, size, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC)


def resized_flow(of: NDArray[np.float32], size: tuple[int, int]) -> NDArray[np.float32]:
    """A flow for frames of `size` (width, height): resized, and its distances with it."""
    height, width = of.shape[:2]
    stretch = np.array([size[0] / width, size[1] / height], dtype=np.float32)
    return enlarged(of, size) * stretch


def softened(picture: NDArray[np.float32], sigma: float) -> NDArray[np.float32]:
    """The picture under a Gaussian of `sigma` pixels."""
    return cv2.GaussianBlur(picture, (0, 0), sigma, borderType=cv2.BORDER_REPLICATE)


def cut_out(picture: NDArray[np.uint8], labels: NDArray[np.uint8], *, rounds: int = 4) -> NDArray[np.bool_]:
    """Which pixels `h w` of a picture `h w 3` are the subject: those whose colours are like its own, cut along edges.

    Both kinds of pixels must be among the labels, be it as maybe; else the labels themselves are the answer.

    Args:
        picture: the same picture and labels give the same cut.
        labels: `h w` of `SURELY_BEHIND`, `SURELY_SUBJECT`, `MAYBE_BEHIND` and `MAYBE_SUBJECT`.
        rounds: of learning the colours and cutting.

    Source: Rother et al. 2004, GrabCut (ACM Transactions on Graphics 23).
    """
    subject = np.isin(labels, (SURELY_SUBJECT, MAYBE_SUBJECT))
    if subject.all() or not subject.any():
        return subject
    decided = labels.copy()
    backwards = np.ascontiguousarray(picture[..., ::-1])
    with _one_thread():
        cv2.setRNGSeed(0)
        cv2.grabCut(backwards, decided, None, np.zeros((1, 65)), np.zeros((1, 65)), rounds, cv2.GC_INIT_WITH_MASK)
    return np.isin(decided, (SURELY_SUBJECT, MAYBE_SUBJECT))


def _prepared(frame: NDArray[np.uint8]) -> NDArray[np.uint8]:
    grey = cv2.cvtColor(np.ascontiguousarray(frame), cv2.COLOR_RGB2GRAY)
    height, width = grey.shape
    return enlarged(grey, (width * ESTIMATION_SCALE, height * ESTIMATION_SCALE))


def _places(of: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The columns and rows, `h w` each, to which a flow points."""
    height, width = of.shape[:2]
    columns, rows = np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32)
    return np.add(of[..., 0], columns, dtype=np.float32), np.add(of[..., 1], rows[:, None], dtype=np.float32)


@contextmanager
def _one_thread() -> Iterator[None]:
    """OpenCV on one thread: DIS cuts the picture into one stripe per thread, and its result depends on the cuts."""
    with _threads_lock:
        threads = cv2.getNumThreads()
        cv2.setNumThreads(1)
        try:
            yield
        finally:
            cv2.setNumThreads(threads)
