"""What things are can be read without loading what makes clips."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
HEAVY = {"torch", "numpy", "diffusers", "peft", "safetensors", "av", "cv2", "PIL", "rich", "typer", "huggingface_hub"}


def modules_after(statement: str) -> set[str]:
    code = f"import sys; {statement}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    return {name.partition(".")[0] for name in done.stdout.split()}


def test_no_module_of_the_schema_loads_anything_heavy():
    files = sorted((ROOT / "registry_schema").glob("*.py"))
    names = ", ".join(f"registry_schema.{path.stem}" for path in files if path.stem != "__init__")
    assert not modules_after(f"import {names}") & HEAVY


def test_the_package_itself_loads_nothing_but_itself():
    assert not modules_after("import registry_schema") & {"pydantic", "packaging", *HEAVY}


def test_the_header_gate_and_digests_need_the_standard_library_only():
    loaded = modules_after("import registry_schema.safetensors_header, registry_schema.digests")
    assert not loaded & {"pydantic", "pydantic_core", "packaging", *HEAVY}
