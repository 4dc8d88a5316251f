"""The shape of the project: who may import whom, how large things may be, and that the tools have nothing to say."""

from __future__ import annotations

import ast
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("mivactl", "engine", "registry_schema")
SOURCES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
LARGEST_FILE, LARGEST_FUNCTION, MOST_PARAMETERS = 400, 60, 8
NAMES_THAT_SAY_NOTHING = {"utils", "util", "helpers", "common", "misc"}


def functions(path: Path) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    tree = ast.parse(path.read_text())
    return [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]


@pytest.mark.parametrize(
    "command",
    [("ruff", "check"), ("ruff", "format", "--check"), ("mypy",), ("importlinter.cli",)],
    ids=["ruff-check", "ruff-format", "mypy", "import-linter"],
)
def test_the_tools_have_nothing_to_say(command):
    tool, *rest = command
    code = [sys.executable, "-m", tool, *rest]
    if tool == "importlinter.cli":
        code = [sys.executable, "-c", "from importlinter.cli import lint_imports_command; lint_imports_command()"]
    result = subprocess.run(code, cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout[-4000:] + result.stderr[-4000:]


def test_every_file_has_one_subject_and_says_it_first():
    for path in SOURCES:
        text = path.read_text()
        assert text.count("\n") <= LARGEST_FILE, f"{path} is too long"
        assert path.stem not in NAMES_THAT_SAY_NOTHING, path
        assert not text.strip() or ast.get_docstring(ast.parse(text)), f"{path} does not say what it is"


def first_line(path: Path, node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Of a function; of a command only what it does counts, since its parameters are its options."""
    return node.body[0].end_lineno or 0 if path.parent.name == "cli" else node.lineno


def test_functions_are_small():
    for path in SOURCES:
        for node in functions(path):
            length = (node.end_lineno or 0) - first_line(path, node)
            assert length < LARGEST_FUNCTION, f"{path}:{node.lineno} {node.name}"
            count = len(node.args.posonlyargs) + len(node.args.args)
            assert count <= MOST_PARAMETERS, f"{path}:{node.lineno} {node.name} has {count} positional parameters"


def test_no_pickle_anywhere_but_in_the_sandbox():
    reader = ROOT / "engine" / "interop" / "checkpoint_reader.py"
    for path in SOURCES:
        text = path.read_text()
        assert "import pickle" not in text, path
        assert "import checkpoint_reader" not in text, path  # it runs in a process of its own
        assert "checkpoint_reader import" not in text, path
        if path != reader:
            assert "torch.load(" not in text, path
    assert reader.read_text().count("torch.load(") == reader.read_text().count("weights_only=True") == 1


def test_everything_a_folder_holds_is_packaged():
    found = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]["find"]["include"]
    assert {pattern.rstrip("*") for pattern in found} == set(PACKAGES)
    for path in SOURCES:
        assert (path.parent / "__init__.py").exists(), f"{path.parent} is not a package"
