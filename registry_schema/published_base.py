"""`PublishedBase`: a base whose weights others publish; which parts it has, and where they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field

from registry_schema.base_spec import BaseFacts, BaseFile, BasePart, BaseSource, BaseSpec
from registry_schema.digests import Digest
from registry_schema.document import Document, RootDocument
from registry_schema.hub_names import Repository, Revision

if TYPE_CHECKING:
    from registry_schema.names import BaseName

FolderInRepository = Annotated[str, Field(pattern=r"^[a-z_]+$", max_length=64)]


class PublishedPart(Document):
    """One diffusers model of a base.

    Args:
        part: what it is, and the folder it gets.
        repository: where it is published.
        revision: a commit, or a branch whose commit is noted when it is fetched.
        folder: in the repository; its root if left out.
        architecture: fingerprint of its parameters and persistent buffers.
    """

    part: BasePart
    repository: Repository
    revision: Revision
    folder: FolderInRepository | None = None
    architecture: Digest


class PublishedBase(RootDocument):
    """A base that can be fetched; beside the document lies the configuration of each part, `<part>/config.json`.

    Args:
        facts: what is known of the base without its weights.
        parameters: of the denoiser, trained numbers only.
        condition_width: numbers in each token of the condition.
        parts: its models; all but the last, the autoencoder, make up the denoiser.
    """

    SCHEMA: ClassVar[str] = "miva.published-base/1"
    SOURCE: ClassVar[str] = "published.json"

    facts: BaseFacts
    parameters: Annotated[int, Field(ge=1, le=1 << 40)]
    condition_width: Annotated[int, Field(ge=1, le=65_536)]
    parts: Annotated[tuple[PublishedPart, ...], Field(min_length=2, max_length=3)]

    def part(self, name: BasePart) -> PublishedPart | None:
        """The part of that name, if this base has one."""
        return next((part for part in self.parts if part.part == name), None)

    def with_weights(
        self, weights: Digest, *, name: BaseName, files: tuple[BaseFile, ...], sources: tuple[BaseSource, ...]
    ) -> BaseSpec:
        """The base on a machine: these facts and the weights that were installed under `name`."""
        installed = {
            **self.facts.plain(),
            "name": name,
            "weights": weights,
            "files": [file.plain() for file in files],
            "sources": [source.plain() for source in sources] or None,
        }
        return BaseSpec.of({key: value for key, value in installed.items() if value is not None}, source="base.json")
