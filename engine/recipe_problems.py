"""What is wrong with a recipe, in words: unknown keys, values that will not do; free of torch."""

from __future__ import annotations

import difflib
import json
from typing import TYPE_CHECKING

from pydantic import BaseModel

from engine.expectations import expectation, nearest_word
from registry_schema.errors import UsageProblem

if TYPE_CHECKING:
    from pydantic import ValidationError


def leaf_paths(model: type[BaseModel], above: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """The keys of a recipe as paths, section first, in the order of the file."""
    paths: list[tuple[str, ...]] = []
    for name, field in model.model_fields.items():
        path = (*above, field.alias or name)
        nested = field.annotation
        if isinstance(nested, type) and issubclass(nested, BaseModel):
            paths += leaf_paths(nested, path)
        else:
            paths.append(path)
    return paths


def unknown_key(path: tuple[str, ...], model: type[BaseModel]) -> UsageProblem:
    """That there is no key `path`, and which one is nearest."""
    wanted = ".".join(path)
    known = {".".join(leaf): leaf for leaf in leaf_paths(model)}
    # a right key in the wrong section is nearer than a similar one in the right section
    same_leaf = [name for name, leaf in known.items() if leaf[-1] == path[-1]]
    near = same_leaf or difflib.get_close_matches(wanted, known, n=1, cutoff=0.4)
    hint = (
        f"did you mean `{near[0]}`?"
        if near
        else f"sections are {', '.join(sorted({leaf[0] for leaf in known.values()}))}"
    )
    return UsageProblem(f"recipe has no key `{wanted}`", hint=hint)


def usage_problem(problem: ValidationError, model: type[BaseModel]) -> UsageProblem:
    """The first thing that is wrong with a document of `model`, and what was expected."""
    first = problem.errors(include_url=False)[0]
    if first["type"] == "mirrored":
        return UsageProblem(
            f"recipe: `clips.flip` is `true`, but a motion with `{first['msg']}` in it is another one in a mirror",
            hint="pass `--set clips.flip=false`",
        )
    # pydantic adds the branch of a union behind the key; only the key is of use to a reader
    path = tuple(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        return unknown_key(path, model)
    key = next((leaf for leaf in leaf_paths(model) if path[: len(leaf)] == leaf), path)
    same_key = [error for error in problem.errors(include_url=False) if error["loc"][: len(key)] == key]
    expected = " or ".join(dict.fromkeys(expectation(error) for error in same_key))
    shown = json.dumps(first["input"], default=str, ensure_ascii=False)
    near = nearest_word(first["input"], same_key)
    hint = f"did you mean `{near}`?" if near else None
    return UsageProblem(f"recipe: `{'.'.join(key)}` is `{shown}`, expected {expected}", hint=hint)
