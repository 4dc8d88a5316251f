"""The page templates of this package, filled in with everything escaped."""

from __future__ import annotations

from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from jinja2 import Environment

_PACKAGE: Final = "mivactl.study"


def filled(template: str, **values: object) -> str:
    """The template of this name with values in it; a value that is not given is an error."""
    return _environment().get_template(template).render(**values)


def asset(name: str) -> bytes:
    """A file that goes with the pages as it is."""
    return (resources.files(_PACKAGE) / "assets" / name).read_bytes()


@cache
def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    return Environment(
        loader=PackageLoader(_PACKAGE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
