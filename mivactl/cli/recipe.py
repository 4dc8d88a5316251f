"""`mivactl recipe show` and `recipe validate`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mivactl.cli.options import BaseOption
from mivactl.cli.run import Run

if TYPE_CHECKING:
    from mivactl.operations.recipe import ShownRecipe

SetOption = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="One value of the recipe, `optimiser.learning_rate=1e-4`."),
]


def show(
    run: Run,
    recipe: Annotated[
        Path | None, typer.Argument(metavar="[FILE]", help="A recipe; the base's own if none is given.")
    ] = None,
    *,
    base: BaseOption = None,
    sets: SetOption = None,
) -> None:
    """Print every choice that `train` would make, as TOML.

    Example: mivactl recipe show --base nano > my-recipe.toml

    What a file leaves out comes from the base, and then from the paper.
    """
    from mivactl.operations.recipe import effective_recipe

    shown = effective_recipe(run.session, recipe, base=base, sets=tuple(sets or ()))

    def show_text() -> None:
        for line in shown.text.splitlines():
            run.console.line(line)

    run.answer(_data(shown), show_text)


def validate(
    run: Run,
    recipe: Annotated[Path, typer.Argument(metavar="FILE", help="A recipe.")],
    *,
    base: BaseOption = None,
    sets: SetOption = None,
) -> None:
    """Check a recipe; an unknown key is an error that names the nearest one.

    Example: mivactl recipe validate my-recipe.toml --base nano
    """
    from mivactl.operations.recipe import effective_recipe

    shown = effective_recipe(run.session, recipe, base=base, sets=tuple(sets or ()))

    def show_verdict() -> None:
        run.console.line(f"{recipe} is a recipe for base {shown.base}")
        for change in shown.changes:
            run.console.line(f"  {change}")

    run.answer(_data(shown), show_verdict)


def _data(shown: "ShownRecipe") -> dict[str, object]:
    return {"base": shown.base, "digest": shown.digest, "recipe": shown.values, "changes": shown.changes}
