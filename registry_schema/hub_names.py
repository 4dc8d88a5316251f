"""Names on the Hugging Face Hub: of a repository, and of one of its revisions."""

from __future__ import annotations

from registry_schema.text import PatternText


class Repository(PatternText):
    """`owner/name`."""

    __slots__ = ()
    what = "repository"
    pattern = r"^[A-Za-z0-9][A-Za-z0-9._-]*/[A-Za-z0-9][A-Za-z0-9._-]*$"
    longest = 128

    @classmethod
    def complaint(cls, text: str) -> str | None:
        """See `TextValue`."""
        return None if cls.matches(text) else "is not a repository, expected `owner/name`"


class Revision(PatternText):
    """A commit of 40 hex digits, or the name of a branch or tag."""

    __slots__ = ()
    what = "revision"
    pattern = r"^[A-Za-z0-9][A-Za-z0-9._/-]*$"
    longest = 100

    @classmethod
    def complaint(cls, text: str) -> str | None:
        """See `TextValue`."""
        return None if cls.matches(text) else "is not a revision, expected a commit, a branch or a tag"
