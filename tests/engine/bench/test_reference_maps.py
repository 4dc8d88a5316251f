"""What adapters look at: equal shares in a fresh adapter, and the softmax of what was learned in another."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from engine.adapters.miva import MivaAdapter
from engine.adapters.weights import save_adapter
from engine.bases.catalog import load_base
from engine.bench.reference_maps import reference_maps
from engine.requests import AdapterUse
from registry_schema.digests import Digest
from registry_schema.names import AdapterName
from registry_schema.receipt import AdapterRecord
from registry_schema.versions import Version
from tests.end_to_end.tiny_world import adapter_spec, write_tiny_base

if TYPE_CHECKING:
    from pathlib import Path


def use_of(folder: Path, name: str, bias: float) -> AdapterUse:
    """An adapter whose reference weights have a bias of (bias, 0)."""
    base = load_base(folder / "base", device=torch.device("cpu"), dtype=torch.float32)
    spec = adapter_spec(base.spec, motion=name)
    adapter = MivaAdapter.create(spec, base.sites())
    with torch.no_grad():
        for key, tensor in adapter.named_parameters():
            if key.endswith("lambda.bias"):
                tensor[0] = bias
    path = folder / f"{name}.safetensors"
    save_adapter(adapter, path, {})
    digest = Digest.of(path.read_bytes())
    record = AdapterRecord(
        name=AdapterName(f"my/{name}"), version=Version("1.0.0"), manifest=digest, weights=digest, weight=1.0
    )
    return AdapterUse(record, spec, path)


def test_maps_are_the_softmax_at_each_layer_and_timestep(tmp_path: Path):
    write_tiny_base(tmp_path / "base")
    uses = [use_of(tmp_path, "fresh", 0.0), use_of(tmp_path, "leaning", 0.1)]
    page = tmp_path / "lambda.html"
    fresh, leaning = reference_maps(tmp_path / "base", uses, page)
    assert fresh.first.shape == (len(fresh.sites), len(fresh.timesteps))
    assert np.array_equal(fresh.first, np.full_like(fresh.first, 0.5))
    assert leaning.first == pytest.approx(1 / (1 + np.exp(-0.1 / 0.2)), abs=1e-6)
    text = page.read_text()
    assert text.count("<svg") == 2
    assert "my/leaning" in text
    assert "http://www.w3.org" in text
    assert "https://" not in text
