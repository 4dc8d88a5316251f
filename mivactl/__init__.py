"""mivactl moves motion adapters about and talks to people: store, registries, resolver, operations, commands.

From Python: `animate`, and for pipelines of diffusers `load_miva`, `set_adapters`, `set_motion_norm`, `photo_start` and
`unload_miva`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mivactl.python_door import (
        Animation,
        animate,
        load_miva,
        photo_start,
        set_adapters,
        set_motion_norm,
        unload_miva,
    )

__all__ = [
    "Animation",
    "animate",
    "load_miva",
    "photo_start",
    "set_adapters",
    "set_motion_norm",
    "unload_miva",
    "version",
]

# the command line comes through here too: what it does not need is imported when it is first asked for
_LATER = frozenset(__all__) - {"version"}


def __getattr__(name: str) -> Any:  # noqa: ANN401 - whatever the door calls so
    if name in _LATER:
        from importlib import import_module

        return getattr(import_module("mivactl.python_door"), name)
    raise AttributeError(f"module `{__name__}` has no attribute `{name}`")


def version() -> str:
    """The installed version of mivactl."""
    from importlib.metadata import PackageNotFoundError
    from importlib.metadata import version as installed_version

    try:
        return installed_version("mivactl")
    except PackageNotFoundError:
        return "0+source"
