"""`--deterministic` holds while a run lasts, and only then."""

from __future__ import annotations

import pytest
import torch

from engine.training.determinism import determined


def test_only_determined_kernels_run_inside(monkeypatch):
    monkeypatch.delenv("CUBLAS_WORKSPACE_CONFIG", raising=False)
    assert not torch.are_deterministic_algorithms_enabled()
    with determined(wanted=True):
        assert torch.are_deterministic_algorithms_enabled()
    assert not torch.are_deterministic_algorithms_enabled()


def test_an_error_inside_changes_nothing_outside():
    with pytest.raises(ValueError, match="inside"), determined(wanted=True):
        raise ValueError("inside")
    assert not torch.are_deterministic_algorithms_enabled()


def test_nothing_changes_where_it_is_not_wanted():
    with determined(wanted=False):
        assert not torch.are_deterministic_algorithms_enabled()
