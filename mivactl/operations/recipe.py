"""A recipe as `train` would take it: the base's choices, a file's over them, single values over both."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mivactl.engine_bridge import training_recipe
from mivactl.operations.train import recipe_file

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from mivactl.session import Session


@dataclass(frozen=True)
class ShownRecipe:
    """A recipe with every choice.

    Attributes:
        base: its name.
        digest: of the text.
        text: TOML.
        values: the same as plain values.
        changes: what is not as the base has it, `optimiser.steps = 400 (base: 300)`.
    """

    base: str
    digest: str
    text: str
    values: Mapping[str, Any]
    changes: tuple[str, ...]


def effective_recipe(
    session: Session, file: Path | None, *, base: str | None = None, sets: tuple[str, ...] = ()
) -> ShownRecipe:
    """The recipe that `train` would take; no weights are needed.

    Args:
        session: knows the bases.
        file: a recipe; None is the base's own.
        base: a base's name or folder; None takes the settings' one.
        sets: `section.key=value`, over everything else.

    Raises:
        NotFound: no such base or file.
        UsageProblem: not TOML, an unknown key, or a value that will not do.
    """
    known = session.base(base or session.settings.base)
    recipe = training_recipe(known.spec, recipe_file(file), {}, sets)
    plain = training_recipe(known.spec, None, {}, ())
    changes = tuple(_changes(plain.to_dict(), recipe.to_dict()))
    return ShownRecipe(known.spec.name, recipe.digest, recipe.to_toml(), recipe.to_dict(), changes)


def _changes(before: Mapping[str, Any], after: Mapping[str, Any], above: str = "") -> list[str]:
    found = []
    for key, value in after.items():
        name = f"{above}{key}"
        if isinstance(value, dict):
            found += _changes(before[key], value, f"{name}.")
        elif value != before[key]:
            found.append(f"{name} = {value} (base: {before[key]})")
    return found
