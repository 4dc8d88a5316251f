"""An OCI registry as a byte source, over the distribution specification 1.1.

| path | where |
|---|---|
| `acme/waterfall@sha256:<64 hex>` | a blob of the repository `<prefix>/acme/waterfall` |
| any other | a layer, of this title, of the artifact `<prefix>/index:v1` |

Tags can be moved and nothing here compares before it writes, so a tag is only the way to the newest index; everything
else is named by digest. Writers look again after a moment whether what they wrote still stands: of two who write at the
same moment one may be overwritten and notices. That is not a promise, and `compares` says so.
"""

from __future__ import annotations

import time
from functools import cached_property
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, urljoin

from mivactl.content import content_of_file
from mivactl.registry.answer_cache import AnswerCache
from mivactl.registry.byte_source import SourceChanged, Stored, Token
from mivactl.registry.oci_address import OciAddress
from mivactl.registry.oci_auth import OciClient, OciLogin
from mivactl.registry.oci_manifests import (
    EMPTY,
    MANIFEST,
    MAX_MANIFEST_BYTES,
    Layer,
    index_manifest,
    read_index_manifest,
)
from mivactl.registry.remote_documents import RemoteDocuments
from mivactl.registry.remote_file import open_remote
from mivactl.transfer.client import unexpected
from mivactl.transfer.ranged_source import HttpSource
from mivactl.transfer.request import Request, Upload
from registry_schema.digests import Digest
from registry_schema.errors import IntegrityProblem

if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from pathlib import Path
    from typing import BinaryIO

    from mivactl.content import Content
    from mivactl.registry.access import Access, Secret
    from mivactl.transfer.ranged_source import RangedSource
    from registry_schema.names import AdapterName, RegistryName

INDEX: Final = "index"
INDEX_TAG: Final = "v1"
_SETTLED_SECONDS: Final = 0.2
_SLOWER: Final = 4
_LONGEST_SECONDS: Final = 10.0


def path_in(name: AdapterName, digest: Digest) -> str:
    """Where a blob of an adapter is."""
    return f"{name}@{digest}"


class OciSource:
    """What is below `oci://host[:port]/prefix`.

    Args:
        registry: whose secret is shown to the server.

    Raises:
        UsageProblem: it is no such address.
    """

    resumes = True
    compares = False

    def __init__(self, registry: RegistryName, place: str, access: Access) -> None:
        self._registry = registry
        self._place = place
        self._access = access
        self._address = OciAddress.parse(place, encrypted=access.ca is not None, insecure=access.insecure)

    @property
    def place(self) -> str:
        """The address."""
        return self._place

    @property
    def server(self) -> str:
        """Scheme, host and port of the server."""
        return str(self._address.origin)

    def as_shown(self, secret: Secret) -> OciSource:
        """The same, asked with another secret; raises `NetworkProblem` without a network."""
        return OciSource(self._registry, self._place, self._access.with_secret(secret))

    @cached_property
    def client(self) -> OciClient:
        """Asks the server, with the person's secret."""
        origin = self._address.origin
        login = OciLogin(
            registry=self._registry,
            origin=origin,
            secret=self._access.secret(self._registry, origin),
            realms=self._access.realms,
        )
        return OciClient(self._access.client_options(), login)

    def read(self, path: str, *, max_bytes: int) -> Stored | None:
        """See `ByteSource`.

        Raises:
            IntegrityProblem: a layer of the index is missing or another one.
            NetworkProblem, AuthProblem, Refused: as `RemoteDocuments.read`.
        """
        if "@" in path:
            repository, digest = self._blob(path)
            content = self._read_blob(repository, digest, max_bytes)
            return None if content is None else Stored(content, Token(str(digest)))
        layer = self._index().get(path)
        if layer is None:
            return None
        content = self._read_blob(self._address.repository(INDEX), layer.digest, max_bytes)
        if content is None or Digest.of(content) != layer.digest:
            raise IntegrityProblem(
                f"`{self._place}`: `{path}` is not what the index says, digest `{layer.digest}`",
                hint="the registry is damaged: tell its owner",
            )
        return Stored(content, Token(str(layer.digest)))

    def open(self, path: str, *, offset_bytes: int = 0) -> AbstractContextManager[BinaryIO]:
        """See `ByteSource`."""
        return open_remote(self.client, self._blob_url(path), offset_bytes=offset_bytes)

    def ranged(self, path: str) -> RangedSource:
        """One blob, to be brought in as many pieces as it takes."""
        return HttpSource(self.client, self._blob_url(path))

    def holds(self, path: str, size_bytes: int) -> bool:
        """See `WritableSource`."""
        return self._has(*self._blob(path), size_bytes)

    def create(self, path: str, content: Content, file: Path) -> None:
        """See `WritableSource`; the registry checks the digest, too."""
        if content_of_file(file, content.label).digest != content.digest:
            raise IntegrityProblem(f"{content.label} changed while it was published", hint="run it again")
        repository, digest = self._blob(path)
        if not self._has(repository, digest, content.size_bytes):
            self._upload(repository, digest, Upload(lambda: file.open("rb"), content.size_bytes))

    def replace(self, path: str, content: bytes, *, over: Token | None) -> None:
        """See `WritableSource`; the other files of the index stay as they are at this moment."""
        repository = self._address.repository(INDEX)
        new = Layer(Digest.of(content), len(content))
        self._put(repository, content)
        self._put(repository, EMPTY)
        began = time.monotonic()
        files = self._index()
        if _token(files.get(path)) != over:
            raise SourceChanged
        self.put_manifest(repository, INDEX_TAG, index_manifest({**files, path: new}))
        # somebody who read before that and writes now is about as slow as we were
        time.sleep(min(_SETTLED_SECONDS + _SLOWER * (time.monotonic() - began), _LONGEST_SECONDS))
        if self._index().get(path) != new:
            raise SourceChanged

    def put_blob(self, name: AdapterName, data: bytes) -> None:
        """Put a small blob into the repository of an adapter."""
        self._put(self._address.repository(name), data)

    def put_build(self, name: AdapterName, tag: str, data: bytes) -> None:
        """Put the manifest of a build into the repository of its adapter."""
        self.put_manifest(self._address.repository(name), tag, data)

    def put_manifest(self, repository: str, tag: str, data: bytes) -> None:
        """Put a manifest whose blobs are there."""
        url = self._address.manifest_url(repository, tag)
        answer = self.client.send(Request("PUT", url, {"Content-Type": MANIFEST}, data))
        stored = answer.headers.get("Docker-Content-Digest", str(Digest.of(data)))
        if answer.status != 201 or stored != str(Digest.of(data)):
            raise IntegrityProblem(
                f"`{self._place}` did not take the manifest `{tag}` of `{repository}` as it is (HTTP {answer.status})",
                hint="ask the registry's owner which artifacts it takes",
            )

    def _index(self) -> dict[str, Layer]:
        url = self._address.manifest_url(self._address.repository(INDEX), INDEX_TAG)
        data = self._documents.read(url, max_bytes=MAX_MANIFEST_BYTES)
        return {} if data is None else read_index_manifest(data, source=f"{self._place}/{INDEX}:{INDEX_TAG}")

    def _read_blob(self, repository: str, digest: Digest, max_bytes: int) -> bytes | None:
        return self._documents.read_fixed(self._address.blob_url(repository, digest), digest, max_bytes=max_bytes)

    def _has(self, repository: str, digest: Digest, size_bytes: int) -> bool:
        url = self._address.blob_url(repository, digest)
        self._documents.require_network(url)
        answer = self.client.send(Request("HEAD", url))
        return answer.status == 200 and answer.headers.get("Content-Length") == str(size_bytes)

    def _put(self, repository: str, data: bytes) -> None:
        if not self._has(repository, Digest.of(data), len(data)):
            self._upload(repository, Digest.of(data), data)

    def _upload(self, repository: str, digest: Digest, body: bytes | Upload) -> None:
        """Put a blob in place whole. What broke off begins anew: the server may have taken a part of it."""
        self.client.options.retries.run(lambda: self._try_upload(repository, digest, body))

    def _try_upload(self, repository: str, digest: Digest, body: bytes | Upload) -> None:
        with self.client.open(Request("POST", self._address.uploads_url(repository))) as begun:
            location = begun.headers.get("Location")
            if begun.status != 202 or not location:
                raise unexpected(begun, "a place for an upload")
            where = urljoin(begun.url, location)
        url = f"{where}{'&' if '?' in where else '?'}digest={quote(str(digest), safe='')}"
        with self.client.open(Request("PUT", url, {"Content-Type": "application/octet-stream"}, body)) as done:
            if done.status == 400:
                raise IntegrityProblem(
                    f"`{self._place}` got other bytes than `{digest}`", hint="the file changed on its way: run it again"
                )
            if done.status != 201:
                raise unexpected(done, "that it was made")

    def _blob(self, path: str) -> tuple[str, Digest]:
        name, _, digest = path.partition("@")
        return self._address.repository(name), Digest(digest)

    def _blob_url(self, path: str) -> str:
        url = self._address.blob_url(*self._blob(path))
        self._documents.require_network(url)
        return url

    @cached_property
    def _documents(self) -> RemoteDocuments:
        return RemoteDocuments(self.client, AnswerCache(self._access.cache), offline=self._access.offline)


def _token(layer: Layer | None) -> Token | None:
    return None if layer is None else Token(str(layer.digest))
