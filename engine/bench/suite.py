"""Suites as data: which motions on how many pictures, and the words for methods that need a prompt. Free of torch."""

from __future__ import annotations

import csv
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from registry_schema.errors import NotFound, UsageProblem

if TYPE_CHECKING:
    from collections.abc import Mapping

FOLDER: Final = Path(__file__).with_name("suites")
PROMPTS: Final = "prompts.csv"
COLUMNS: Final = ("group", "prompt", "camera")


@dataclass(frozen=True, kw_only=True)
class Group:
    """Pictures of one motion, or of several at once.

    Attributes:
        motions: names of adapters.
        least: fewer pictures are a problem that is printed.
        most: more are left out, and said.
        prompt: for methods that need one; the camera's words come last (MIVA D.2).
    """

    motions: tuple[str, ...]
    least: int
    most: int
    prompt: str = ""

    @property
    def name(self) -> str:
        """The folder of its pictures: `waterfall+clouds`."""
        return "+".join(self.motions)

    @property
    def weights(self) -> tuple[float, ...]:
        """Equal weights that sum to 1."""
        return (1 / len(self.motions),) * len(self.motions)


@dataclass(frozen=True, kw_only=True)
class Suite:
    """A protocol.

    Attributes:
        drawn: whether mivactl draws the pictures itself, with a real clip and a mask of each.
        masked: whether masked adapters are compared with plain ones.
    """

    name: str
    title: str
    source: str
    groups: tuple[Group, ...]
    drawn: bool = False
    masked: bool = False


def suite_names() -> tuple[str, ...]:
    """The suites that come with mivactl."""
    return tuple(sorted(path.stem for path in FOLDER.glob("*.toml")))


def find_suite(name: str, prompts: Path | None = None) -> Suite:
    """The suite of that name.

    Args:
        name: one of `suite_names`.
        prompts: another `prompts.csv` than the suite's own.

    Raises:
        NotFound: there is none, or no such file.
        UsageProblem: the file is no table of prompts, or lacks a group.
    """
    if name not in suite_names():
        known = ", ".join(f"`{one}`" for one in suite_names())
        raise NotFound(f"no suite `{name}`", hint=f"there are {known}")
    document = tomllib.loads((FOLDER / f"{name}.toml").read_text())
    said = read_prompts(prompts or FOLDER / f"{name}.{PROMPTS}")
    groups = []
    for entry in document["groups"]:
        group = "+".join(entry["motions"])
        if group not in said:
            raise UsageProblem(f"`{prompts}` has no prompt for `{group}`", hint=f"add a line `{group},words,`")
        least, most = entry["pictures"]
        groups.append(Group(motions=tuple(entry["motions"]), least=least, most=most, prompt=said[group]))
    return Suite(
        name=name,
        title=document["title"],
        source=document["source"],
        groups=tuple(groups),
        drawn=document["drawn"],
        masked=document.get("masked", False),
    )


def read_prompts(path: Path) -> Mapping[str, str]:
    """Prompts by group, from a table with the columns group, prompt and camera.

    Raises:
        NotFound: there is no such file.
        UsageProblem: it is another table.
    """
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
    except OSError as error:
        raise NotFound(f"cannot read `{path}`: {error.strerror}", hint="give a CSV file of prompts") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise UsageProblem(f"`{path}` is not CSV in UTF-8: {error}") from error
    if not rows or any(set(row) != set(COLUMNS) for row in rows):
        raise UsageProblem(f"`{path}` has other columns, expected {', '.join(COLUMNS)}", hint="begin it with that line")
    return {row["group"]: ", ".join(part for part in (row["prompt"], row["camera"]) if part) for row in rows}
