"""`publish` holds every tensor against the base: one too few, one too many or one of another shape is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from tests.end_to_end.tiny_world import TinyWorld, write_adapter_draft

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

Tensors = dict[str, np.ndarray]


def drop_one(tensors: Tensors) -> None:
    tensors.pop(min(tensors))


def add_one(tensors: Tensors) -> None:
    tensors["miva.somewhere.else"] = np.ones((2, 2), np.float32)


def widen_one(tensors: Tensors) -> None:
    name = min(tensors)
    tensors[name] = np.concatenate([tensors[name], tensors[name]])


@pytest.mark.parametrize(
    ("change", "message"),
    [(drop_one, "tensors are missing"), (add_one, "tensors have no place on this base"), (widen_one, "has shape")],
)
def test_a_partial_fit_is_not_published(tmp_path: Path, change: Callable[[Tensors], None], message: str):
    world = TinyWorld(tmp_path)
    draft = write_adapter_draft(world.folder / "draft", world.base_folder, "my/wave")
    weights = draft / "adapter.safetensors"
    tensors = load_file(weights)
    change(tensors)
    save_file(tensors, weights)
    refused = world.mivactl("publish", "draft", "--json")
    assert refused.code == 4
    assert message in refused.error["message"]
    assert refused.error["hint"]
