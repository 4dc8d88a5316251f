"""A preview without metadata: its pictures and the receipt that made it stay, byte for byte; all else goes.

Nothing is decoded and coded again. A preview that mivactl wrote comes out as it went in.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mivactl.preview_metadata.gif import stripped_gif
from mivactl.preview_metadata.mp4 import stripped_mp4
from mivactl.preview_metadata.png import stripped_png
from mivactl.preview_metadata.webp import stripped_webp
from registry_schema.errors import UsageProblem

if TYPE_CHECKING:
    from collections.abc import Callable

_BY_SUFFIX: Final[dict[str, Callable[[bytes], bytes]]] = {
    ".png": stripped_png,
    ".webp": stripped_webp,
    ".gif": stripped_gif,
    ".mp4": stripped_mp4,
}


def stripped(data: bytes, *, name: str) -> bytes:
    """The preview `data` without metadata.

    Args:
        name: its file name; the suffix says what it is.

    Raises:
        UsageProblem: the file is broken, so nobody can say what is in it.
    """
    suffix = name[name.rfind(".") :]
    try:
        return _BY_SUFFIX[suffix](data)
    except (ValueError, IndexError) as error:
        raise UsageProblem(
            f"`{name}` is broken, so its metadata can not be taken out: {error}", hint="leave it out, or save it again"
        ) from error
