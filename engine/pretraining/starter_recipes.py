"""The starter adapters: which there are, what each is trained with, and the words it is published with."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Final

from engine.recipe import apply_overrides, recipe_from_dict
from engine.toml_text import merged

if TYPE_CHECKING:
    from engine.recipe import TrainRecipe

_FOLDER: Final = Path(__file__).parent / "starters"
STARTERS: Final = tuple(sorted(path.parent.name for path in _FOLDER.glob("*/release.toml")))


def starter_recipe(name: str, *sets: str) -> TrainRecipe:
    """What all starters share, with what is this one's own put over it.

    Args:
        name: one of `STARTERS`.
        sets: `section.key=value`, over both.

    Raises:
        UsageProblem: a key or a value that no recipe has.
    """
    shared, own = (
        tomllib.loads(path.read_text()) for path in (_FOLDER / "recipe.toml", _FOLDER / name / "recipe.toml")
    )
    return recipe_from_dict(apply_overrides(merged(shared, own), sets))


def release_file(name: str) -> Path:
    """The `release.toml` of a starter's draft."""
    return _FOLDER / name / "release.toml"
