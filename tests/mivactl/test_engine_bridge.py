"""The bridge to the engine: a running program finds what mypy is told of, and nothing heavy is loaded early."""

from __future__ import annotations

import ast
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from mivactl import engine_bridge, engine_places
from registry_schema.errors import NotFound

REPOSITORY = Path(__file__).parents[2]


def told_to_mypy() -> dict[str, str]:
    """Where each name of the engine comes from, as the imports say that only type checkers follow."""
    tree = ast.parse(Path(str(engine_bridge.__file__)).read_text())
    guarded = next(node for node in tree.body if isinstance(node, ast.If))
    imports = [node for node in guarded.body if isinstance(node, ast.ImportFrom)]
    return {
        alias.asname or alias.name: f"{node.module}.{alias.name}"
        for node in imports
        for alias in node.names
        if str(node.module).startswith("engine")
    }


def test_a_running_program_finds_what_mypy_is_told():
    told = told_to_mypy()
    functions = engine_places.FUNCTIONS
    assert functions == {name: place for name, place in told.items() if name.islower()}
    for name, module in engine_places.VALUES.items():
        assert told[name] == f"{module}.{name}"
        assert getattr(engine_bridge, name) is getattr(import_module(module), name)
    for place in functions.values():
        module, _, name = place.rpartition(".")
        assert callable(getattr(import_module(module), name)), place


def test_all_it_offers_is_there():
    assert set(engine_bridge.__all__) <= {*told_to_mypy(), *vars(engine_bridge)}
    assert set(engine_places.FUNCTIONS) | set(engine_places.VALUES) <= set(engine_bridge.__all__)
    with pytest.raises(AttributeError, match="has no attribute `levitate`"):
        engine_bridge.levitate  # noqa: B018


def test_a_call_reaches_the_engine_with_its_arguments(tmp_path):
    assert engine_bridge.room_here(parameters=1) == "runs"
    with pytest.raises(NotFound, match="missing"):
        engine_bridge.clip_receipt(tmp_path / "missing.mp4")


def test_naming_functions_of_the_engine_loads_no_torch():
    story = """
import sys
import mivactl.python_door
from mivactl.engine_bridge import animate, load_studio, train
print([name for name in ("torch", "diffusers", "numpy", "av", "cv2") if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", story], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
