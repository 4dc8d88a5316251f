"""What tests of the engine share: tiny random bases and one thread for torch."""

from __future__ import annotations

import pytest
import torch

from tests.engine.tiny_bases import tiny_unet_base

torch.set_num_threads(1)


@pytest.fixture
def tiny_base():
    """A random `UNetMotionModel` with two levels; see `tiny_bases.py`."""
    return tiny_unet_base()
