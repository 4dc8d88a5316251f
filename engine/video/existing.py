"""A path that a person named, and what is there; or the error that says that nothing is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from registry_schema.errors import NotFound, UsageProblem

if TYPE_CHECKING:
    import os
    from pathlib import Path


def existing(path: Path, *, what: str) -> os.stat_result:
    """The status of what is at `path`.

    Args:
        path: any path, also one that no file system can hold.
        what: the word for it in the message, such as `photo`.

    Raises:
        NotFound: nothing is there.
        UsageProblem: the path itself is impossible, or may not be looked at.
    """
    try:
        return path.stat()
    except (FileNotFoundError, NotADirectoryError) as error:
        raise NotFound(f"{what} `{path}` does not exist", hint=f"look at what is there: `ls {path.parent}`") from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise UsageProblem(f"{what} `{path}` can not be looked at: {reason}", hint="check its name") from error
