"""What tells registries apart in documents: a random id, and an address that can hold no credentials."""

from __future__ import annotations

from registry_schema.text import PatternText


class RegistryId(PatternText):
    """The random id that a registry was made with."""

    __slots__ = ()
    what = "registry id"
    pattern = r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"
    longest = 36

    @classmethod
    def complaint(cls, text: str) -> str | None:
        """See `TextValue`."""
        return None if cls.matches(text) else "is not the id of a registry, expected a UUID in lower-case letters"


class RegistryUrl(PatternText):
    """Where a registry is: scheme, host and path; a user, a password, a query or a local path has no place in it."""

    __slots__ = ()
    what = "registry URL"
    pattern = (
        r"^(?!file:)[a-z][a-z0-9+-]{1,15}://([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?(/[A-Za-z0-9._~%/-]*)?$"
    )
    longest = 512

    @classmethod
    def complaint(cls, text: str) -> str | None:
        """See `TextValue`."""
        if cls.matches(text):
            return None
        return "is not a plain URL, expected scheme, host and path without user, password or query"
