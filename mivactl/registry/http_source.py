"""The static layout on a web server: read only, with what was read kept for the next time."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from mivactl.registry.access import credential_of
from mivactl.registry.answer_cache import AnswerCache
from mivactl.registry.byte_source import Stored, Token
from mivactl.registry.remote_documents import RemoteDocuments
from mivactl.registry.remote_file import open_remote
from mivactl.registry.static import StaticRegistry, blob_path, digest_in
from mivactl.transfer.address import require_safe
from mivactl.transfer.client import HttpClient
from mivactl.transfer.ranged_source import HttpSource
from registry_schema.digests import Digest

if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from typing import BinaryIO

    from mivactl.content import Content
    from mivactl.credentials import Credential
    from mivactl.registry.access import Access, Secret
    from mivactl.transfer.ranged_source import RangedSource
    from registry_schema.index import IndexLine
    from registry_schema.names import AdapterName, RegistryName


class HttpByteSource:
    """The files below a web address.

    Args:
        registry: whose secret is shown to the server.

    Raises:
        UsageProblem: no address of a web server, or one with a password in it.
        Refused: plain http to another machine.
    """

    resumes = True

    def __init__(self, registry: RegistryName, place: str, access: Access) -> None:
        self._registry = registry
        self._origin = require_safe(place, insecure=access.insecure)
        self._place = place
        self._access = access

    @property
    def place(self) -> str:
        """The address."""
        return self._place

    def as_shown(self, secret: Secret) -> HttpByteSource:
        """The same, asked with another secret; raises `NetworkProblem` without a network."""
        return HttpByteSource(self._registry, self._place, self._access.with_secret(secret))

    @cached_property
    def client(self) -> HttpClient:
        """Asks the server, with the person's secret."""
        client = HttpClient(self._access.client_options())
        secret = self._access.secret(self._registry, self._origin)
        return client if secret is None else client.with_credential(credential_of(secret, self._origin))

    def url(self, path: str) -> str:
        """The address of one file."""
        return f"{self._place}/{path}"

    def read(self, path: str, *, max_bytes: int) -> Stored | None:
        """See `ByteSource`; 404 alone means that there is none.

        Raises:
            NetworkProblem, AuthProblem, IntegrityProblem, Refused: as `RemoteDocuments.read`.
        """
        digest = digest_in(path)
        if digest is None:
            content = self._documents.read(self.url(path), max_bytes=max_bytes)
        else:
            content = self._documents.read_fixed(self.url(path), digest, max_bytes=max_bytes)
        return None if content is None else Stored(content, Token(str(Digest.of(content))))

    def open(self, path: str, *, offset_bytes: int = 0) -> AbstractContextManager[BinaryIO]:
        """See `ByteSource`."""
        self._documents.require_network(self.url(path))
        return open_remote(self.client, self.url(path), offset_bytes=offset_bytes)

    def ranged(self, path: str) -> RangedSource:
        """One file, to be brought in as many pieces as it takes."""
        self._documents.require_network(self.url(path))
        return HttpSource(self.client, self.url(path))

    @cached_property
    def _documents(self) -> RemoteDocuments:
        return RemoteDocuments(self.client, AnswerCache(self._access.cache), offline=self._access.offline)


class HttpRegistry(StaticRegistry):
    """A registry in the static layout on a web server."""

    def __init__(self, name: RegistryName, source: HttpByteSource) -> None:
        super().__init__(name, source)
        self._web = source

    @property
    def url(self) -> str:
        """See `TokenRegistry`."""
        return self.place

    def check_token(self, credential: Credential) -> None:
        """See `TokenRegistry`; what anybody may read takes any token."""
        HttpRegistry(self.name, self._web.as_shown(credential)).config()

    def lines(self, name: AdapterName) -> tuple[IndexLine, ...]:
        """See `Registry`.

        Raises:
            NotFound: the whole registry is gone: that is no answer to whether it has the adapter.
        """
        found = super().lines(name)
        if not found:
            self.config()
        return found

    def ranged(self, content: Content) -> RangedSource:
        """See `RemoteRegistry`."""
        return self._web.ranged(blob_path(content.digest))
