"""Six photographs that no part of `nano` was ever fitted to; they come with scikit-image and scikit-learn."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import skimage.data
import sklearn.datasets
from PIL import Image

if TYPE_CHECKING:
    from numpy.typing import NDArray

NAMES = ("rocket", "coffee", "astronaut", "chelsea", "china", "flower")


def photograph(name: str) -> NDArray[np.uint8]:
    """One of the six, `h w 3`."""
    if name in {"china", "flower"}:
        return np.asarray(sklearn.datasets.load_sample_image(f"{name}.jpg"))
    return np.asarray(getattr(skimage.data, name)())


def at_size(name: str, width: int, height: int) -> NDArray[np.uint8]:
    """Its middle, cut to the aspect and resampled."""
    photo = Image.fromarray(photograph(name))
    scale = min(photo.width / width, photo.height / height)
    cut = (width * scale, height * scale)
    left, top = (photo.width - cut[0]) / 2, (photo.height - cut[1]) / 2
    box = (left, top, left + cut[0], top + cut[1])
    return np.asarray(photo.resize((width, height), Image.Resampling.LANCZOS, box=box))
