"""What a picture looks like as numbers, without a model: histograms of edges and of colours, at several sizes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from jaxtyping import Float, Float32, UInt8

DIRECTIONS: Final = 8
LEVELS: Final = 8
SCALES: Final = 3
SMALLEST_SIDE: Final = 8
LUMA: Final = np.array([0.299, 0.587, 0.114], dtype=np.float32)


def edge_features(
    frame: UInt8[np.ndarray, "h w 3"], weight: Float32[np.ndarray, "h w"], *, cells: int
) -> Float[np.ndarray, "d"]:
    """Directions of edges, counted by their strength in `cells` x `cells` cells, at three sizes; a unit vector.

    Args:
        frame: the picture.
        weight: how much each pixel counts.
        cells: along each side.
    """
    grey, weight = frame.astype(np.float32) @ LUMA, weight.astype(np.float32)
    parts = []
    for _ in range(SCALES):
        down, right = np.gradient(grey)
        strength = np.hypot(down, right) * weight
        angle = np.mod(np.arctan2(down, right), np.pi) / np.pi * DIRECTIONS
        place = _cells(grey.shape, cells) * DIRECTIONS
        parts.append(
            _unit(_spread(angle, strength, place, bins=DIRECTIONS, size=cells * cells * DIRECTIONS, wraps=True))
        )
        if min(grey.shape) < 2 * SMALLEST_SIDE:
            break
        grey, weight = _halved(grey), _halved(weight)
    return _unit(np.concatenate(parts))


def colour_features(
    frame: UInt8[np.ndarray, "h w 3"], weight: Float32[np.ndarray, "h w"], *, cells: int
) -> Float[np.ndarray, "d"]:
    """Histograms of red, green and blue in `cells` x `cells` cells; a unit vector."""
    place = _cells(frame.shape[:2], cells) * LEVELS
    parts = []
    for channel in range(3):
        level = frame[..., channel].astype(np.float32) / 255 * (LEVELS - 1)
        parts.append(_spread(level, weight, place, bins=LEVELS, size=cells * cells * LEVELS, wraps=False))
    return _unit(np.concatenate(parts))


def _cells(shape: tuple[int, ...], cells: int) -> np.ndarray:
    """Number of the cell each pixel is in."""
    rows = np.arange(shape[0]) * cells // shape[0]
    columns = np.arange(shape[1]) * cells // shape[1]
    return rows[:, None] * cells + columns[None, :]


def _spread(
    value: np.ndarray, weight: np.ndarray, place: np.ndarray, *, bins: int, size: int, wraps: bool
) -> Float[np.ndarray, "d"]:
    """A histogram in which a value counts in the two bins it lies between, by how near they are."""
    low = np.floor(value).astype(np.int64)
    share = value - low
    ends = [(low, 1 - share), (low + 1, share)]
    counts = np.zeros(size)
    for index, part in ends:
        inside = index % bins if wraps else np.clip(index, 0, bins - 1)
        counts += np.bincount((place + inside).ravel(), weights=(part * weight).ravel(), minlength=size)
    return counts


def _unit(values: Float[np.ndarray, "d"]) -> Float[np.ndarray, "d"]:
    """Square roots, at length 1: the cosine of two is then the overlap of the histograms (Hellinger)."""
    roots = np.sqrt(values / max(values.sum(), 1e-12))
    return roots / max(float(np.linalg.norm(roots)), 1e-12)


def _halved(picture: Float32[np.ndarray, "h w"]) -> Float32[np.ndarray, "h w"]:
    height, width = picture.shape[0] // 2 * 2, picture.shape[1] // 2 * 2
    return picture[:height, :width].reshape(height // 2, 2, width // 2, 2).mean(axis=(1, 3))
