"""The model card (`README.md` on `main`) of an adapter: words for people, and before them what a search reads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from mivactl.engine_bridge import repositories_of_base
from registry_schema.catalog import CatalogLine

if TYPE_CHECKING:
    from registry_schema.manifest import Manifest
    from registry_schema.text import Licence

CARD: Final = "README.md"
TAG: Final = "miva"
MAX_CARD_BYTES: Final = 1 << 20
_CATALOG: Final = "miva"
_LICENCES: Final = frozenset(
    {"apache-2.0", "mit", "bsd-2-clause", "bsd-3-clause", "cc0-1.0", "cc-by-4.0", "cc-by-sa-4.0", "cc-by-nc-4.0",
     "cc-by-nc-sa-4.0", "unlicense", "wtfpl"}
)  # fmt: skip
"""Those the Hub calls by their SPDX name; it wants every other one as `other` with the name beside it."""


def card_of(readme: bytes | None, line: CatalogLine, manifest: Manifest) -> bytes:
    """The card of an adapter.

    Args:
        readme: what its publisher wrote, or the card before; metadata of theirs that says other things is kept.
        line: what a search finds it by; it goes into the metadata.
        manifest: that of the build that speaks for it.
    """
    own, body = _parts(readme or b"")
    metadata = {**own, **_metadata(line, manifest), "tags": _tags(own, line)}
    words = body.strip("\n") or f"# {line.title}\n\n{line.summary}"
    from huggingface_hub import ModelCardData

    front = ModelCardData(**metadata, ignore_metadata_errors=True).to_yaml()
    return f"---\n{front}\n---\n\n{words}\n".encode()


def line_in(metadata: object, *, source: str) -> CatalogLine | None:
    """What a search finds an adapter by, in the metadata of its card; None where there is nothing.

    Raises:
        SchemaError: it is there and not valid.
    """
    described = metadata.get(_CATALOG) if isinstance(metadata, dict) else None
    return None if described is None else CatalogLine.of(described, source=source)


def _parts(readme: bytes) -> tuple[dict[str, Any], str]:
    """Metadata and body; text whose metadata can not be read is all body."""
    from huggingface_hub import ModelCard
    from yaml import YAMLError  # type: ignore[import-untyped]

    text = readme.decode(errors="replace").replace("\r\n", "\n")
    if not text.startswith("---\n"):
        return {}, text
    try:
        card = ModelCard(text, ignore_metadata_errors=True)
    except (YAMLError, ValueError, TypeError):
        return {}, text.removeprefix("---\n")
    metadata: dict[str, Any] = card.data.to_dict()  # type: ignore[no-untyped-call]
    return metadata, card.text


def _metadata(line: CatalogLine, manifest: Manifest) -> dict[str, Any]:
    bases = list(dict.fromkeys(build.base for build in line.builds)) or [manifest.adapter.base.name]
    models = [model for base in bases for model in (repositories_of_base(base) or (str(base),))]
    return {
        "library_name": "mivactl",
        "pipeline_tag": "image-to-video",
        "base_model": models[0] if len(models) == 1 else models,
        "base_model_relation": "adapter",
        **_licence(manifest.licence),
        _CATALOG: line.plain(),
    }


def _licence(licence: Licence) -> dict[str, str]:
    named = licence.lower()
    return {"license": named} if named in _LICENCES else {"license": "other", "license_name": str(licence)}


def _tags(own: dict[str, Any], line: CatalogLine) -> list[str]:
    present = own.get("tags")
    kept = [tag for tag in present if isinstance(tag, str)] if isinstance(present, list) else []
    return list(dict.fromkeys((TAG, "motion-adapter", *map(str, line.tags), *kept)))
