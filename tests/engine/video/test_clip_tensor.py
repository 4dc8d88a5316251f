"""Frames become tensors in [-1, 1] and come back bit for bit; OpenCV is imported in one place."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

import engine
from engine.video.clip_tensor import to_frames, to_tensor
from tests.engine.video.drawn_motion import textured


def test_every_level_survives_the_way_there_and_back():
    frames = np.arange(256, dtype=np.uint8).reshape(4, 8, 8, 1).repeat(3, axis=3)
    tensor = to_tensor(frames)
    assert tensor.shape == (3, 4, 8, 8)
    assert tensor.dtype == torch.float32
    assert (tensor.min().item(), tensor.max().item()) == (-1, 1)
    np.testing.assert_array_equal(to_frames(tensor), frames)


def test_axes_are_where_they_are_said_to_be():
    frames = np.stack([textured(16, 8, seed=seed) for seed in range(3)])
    tensor = to_tensor(frames)
    assert tensor[2, 1, 5, 7].item() == frames[1, 5, 7, 2] / np.float32(127.5) - 1


def test_what_lies_outside_is_clipped_and_half_precision_accepted():
    tensor = torch.tensor([-3.0, 0.0, 3.0]).reshape(3, 1, 1, 1)
    assert to_frames(tensor.to(torch.bfloat16)).ravel().tolist() == [0, 128, 255]


def test_only_one_module_of_the_engine_imports_opencv():
    folder = Path(engine.__file__).parent
    importing = [path.name for path in folder.rglob("*.py") if "import cv2" in path.read_text()]
    assert importing == ["optical_flow.py"]
