"""The bases that others publish and this package knows: documents and configurations, no weights; free of torch."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from engine.bases.base_folder import CONFIG_NAME
from registry_schema.published_base import PublishedBase

if TYPE_CHECKING:
    from collections.abc import Sequence

    from registry_schema.base_spec import BasePart

_PACKAGED: Final = Path(__file__).parent / "published"


@dataclass(frozen=True)
class KnownPublication:
    """A published base: its document, and the folder that holds the configuration of each part."""

    base: PublishedBase
    folder: Path

    def config(self, part: BasePart) -> dict[str, Any]:
        """The part's configuration, without what does not change its meaning."""
        config: dict[str, Any] = json.loads((self.folder / part / CONFIG_NAME).read_bytes())
        return config


def published_bases(search: Sequence[Path] = ()) -> tuple[KnownPublication, ...]:
    """What can be fetched: what a person described first, what the package knows after it; first of a name counts.

    Args:
        search: folders with a `published.json` in a folder for each base.

    Raises:
        SchemaError: a document that is not valid.
    """
    found: dict[str, KnownPublication] = {}
    for place in (*search, _PACKAGED):
        for path in sorted(place.glob(f"*/{PublishedBase.SOURCE}")):
            base = PublishedBase.parse(path.read_bytes(), source=str(path))
            found.setdefault(base.facts.name, KnownPublication(base, path.parent))
    return tuple(found.values())


def counted_base_names() -> tuple[str, ...]:
    """Bases that can be counted without their folder."""
    return tuple(known.base.facts.name for known in published_bases())


def repositories_of_base(name: str) -> tuple[str, ...]:
    """The Hub repositories with the denoiser of a published base; none for other bases."""
    found = next((known.base for known in published_bases() if known.base.facts.name == name), None)
    return () if found is None else tuple(part.repository for part in found.parts if part.part != "vae")
