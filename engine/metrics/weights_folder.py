"""The weights of published metrics on this machine: which there are, what is in them, and that nobody changed them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from registry_schema.digests import Digest
from registry_schema.errors import IntegrityProblem, NotFound

if TYPE_CHECKING:
    from collections.abc import Mapping

PUBLISHED: Final = Path(__file__).with_name("published_weights.json")
RECORD: Final = "weights.json"
TENSORS: Final = "model.safetensors"


@dataclass(frozen=True, kw_only=True)
class PublishedFile:
    """A file as it is published: at an address, or in a repository of the Hugging Face Hub, or by hand only.

    `sha256_begins` are the first digits of its digest, where they are known beforehand.
    """

    file: str
    repository: str = ""
    path: str = ""
    url: str = ""
    sha256_begins: str = ""


@dataclass(frozen=True, kw_only=True)
class PublishedWeights:
    """What one network of a metric needs; `by_hand` says where a file is that can not be fetched."""

    name: str
    title: str
    licence: str
    files: tuple[PublishedFile, ...]
    by_hand: str = ""


@cache
def published_weights() -> tuple[PublishedWeights, ...]:
    """All that metrics can make use of."""
    document = json.loads(PUBLISHED.read_text())
    return tuple(
        PublishedWeights(**{**entry, "files": tuple(PublishedFile(**file) for file in entry["files"])})
        for entry in document["sets"]
    )


@dataclass(frozen=True)
class WeightsFolder:
    """A folder with a subfolder for each of `published_weights`: `config.json` where there is one, tensors, a record.

    Files that were published as pickles lie there as safetensors; the record has the digests of what was published
    and of what lies there.
    """

    folder: Path

    def has(self, name: str) -> bool:
        """Whether weights of that name were put here."""
        return (self.folder / name / RECORD).is_file()

    def digests(self, name: str) -> Mapping[str, str]:
        """The digest of each published file, as it came."""
        return dict(self._record(name)["published"])

    def place(self, name: str) -> Path:
        """The subfolder, all of whose files are as they were put there.

        Raises:
            NotFound: there is none.
            IntegrityProblem: a file was changed.
        """
        for file, wanted in self._record(name)["files"].items():
            path = self.folder / name / file
            with path.open("rb") as stream:
                found = str(Digest.of_stream(stream))
            if found != wanted:
                raise IntegrityProblem(
                    f"`{path}` has digest `{found[:19]}`, it came with `{wanted[:19]}`",
                    hint="run `mivactl weights fetch bench --again`",
                )
        return self.folder / name

    def _record(self, name: str) -> dict[str, Any]:
        path = self.folder / name / RECORD
        try:
            record: dict[str, Any] = json.loads(path.read_bytes())
        except FileNotFoundError as error:
            raise NotFound(f"no weights `{name}`", hint="run `mivactl weights fetch bench`") from error
        except ValueError as error:
            raise IntegrityProblem(f"`{path}` is damaged", hint="run `mivactl weights fetch bench --again`") from error
        return record


def write_record(folder: Path, published: Mapping[str, Digest]) -> None:
    """Note what lies in a subfolder, and what it was made of."""
    files = {}
    for path in sorted(folder.iterdir()):
        if path.name != RECORD:
            with path.open("rb") as stream:
                files[path.name] = str(Digest.of_stream(stream))
    record = {"files": files, "published": {name: str(digest) for name, digest in published.items()}}
    (folder / RECORD).write_text(json.dumps(record, indent=2, sort_keys=True) + "\n")
