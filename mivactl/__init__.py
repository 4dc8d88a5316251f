"""mivactl moves motion adapters about and talks to people: store, registries, resolver, operations, commands."""

from __future__ import annotations


def version() -> str:
    """The installed version of mivactl."""
    from importlib.metadata import PackageNotFoundError
    from importlib.metadata import version as installed_version

    try:
        return installed_version("mivactl")
    except PackageNotFoundError:
        return "0+source"
