"""`catalogue.js`: every adapter's card in little space, for the search in the page.

It is a script because a page that was opened from a disk may not fetch data; it holds one JSON text and runs nothing.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mivactl.gallery.card import Card


def catalogue_script(cards: Sequence[Card]) -> bytes:
    """The bytes of the script; rows are as `gallery.js` reads them."""
    bases = sorted({base for card in cards for base in card.bases})
    licences = sorted({licence for card in cards for licence in card.licences})
    rows = [
        [
            card.name,
            card.title,
            card.summary,
            card.versions,
            card.state,
            [bases.index(base) for base in card.bases],
            [licences.index(licence) for licence in card.licences],
            card.masked + 2 * card.unmasked,
            card.still,
            card.clip,
            card.motion,
            card.keywords,
            card.more_words,
            card.tint,
        ]
        for card in cards
    ]
    content = {"bases": bases, "licences": licences, "rows": rows}
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
    quoted = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"globalThis.catalogue = JSON.parse('{quoted}');\n".encode()
