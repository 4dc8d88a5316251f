"""Whether a text inside a preview is the receipt that made it."""

from __future__ import annotations

from registry_schema.errors import MivaError
from registry_schema.receipt import Receipt


def is_receipt(text: bytes) -> bool:
    """Whether `text` is a receipt, which knows no free fields that could hide something else."""
    try:
        Receipt.parse(text)
    except MivaError:
        return False
    return True
