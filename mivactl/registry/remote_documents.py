"""`RemoteDocuments`: small files of one registry over HTTP, asked for no more often than they change."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mivactl.registry.answer_cache import Remembered
from mivactl.transfer.address import shown_url
from mivactl.transfer.client import Unchanged
from registry_schema.digests import Digest
from registry_schema.errors import NetworkProblem

if TYPE_CHECKING:
    from mivactl.registry.answer_cache import AnswerCache
    from mivactl.transfer.client import HttpClient


class RemoteDocuments:
    """Small files by address; what was read once is there without a network, too."""

    def __init__(self, client: HttpClient, cache: AnswerCache, *, offline: bool) -> None:
        self._client = client
        self._cache = cache
        self._offline = offline

    def read(self, url: str, *, max_bytes: int) -> bytes | None:
        """A file that may change; None where there is none. It comes again only if it is another one by now.

        Raises:
            NetworkProblem: it did not come; or there is no network, and nobody knows it.
            AuthProblem, IntegrityProblem, Refused: as `HttpClient.read`.
        """
        known = self._cache.find(url)
        if self._offline:
            return self._remembered(known, url)
        # what was not there may have come since: that has no tag to ask by
        etag = known.etag if known and known.content is not None else None
        answer = self._client.read(url, max_bytes=max_bytes, etag=etag)
        if isinstance(answer, Unchanged) and known is not None:
            return known.content
        if isinstance(answer, Unchanged) or answer is None:
            new = Remembered(None)
        else:
            new = Remembered(answer.content, answer.etag if answer.is_settled else None)
        if new != known:
            self._cache.keep(url, new)
        return new.content

    def read_fixed(self, url: str, digest: Digest, *, max_bytes: int) -> bytes | None:
        """A file that never changes; None where there is none. Bytes of another digest are handed out but not kept.

        Raises:
            NetworkProblem, AuthProblem, IntegrityProblem, Refused: as `read`.
        """
        known = self._cache.find(url)
        if known is not None and known.content is not None and Digest.of(known.content) == digest:
            return known.content
        if self._offline:
            return self._remembered(None, url)
        answer = self._client.read(url, max_bytes=max_bytes)
        if answer is None or isinstance(answer, Unchanged):
            return None
        if Digest.of(answer.content) == digest:
            self._cache.keep(url, Remembered(answer.content))
        return answer.content

    def require_network(self, url: str) -> None:
        """Return if `url` may be asked.

        Raises:
            NetworkProblem: there is no network.
        """
        if self._offline:
            raise NetworkProblem(
                f"`{shown_url(url)}` is not cached, and the network is switched off: whether it exists is not known",
                hint="run it once without `--offline` and `MIVACTL_OFFLINE`",
            )

    def _remembered(self, known: Remembered | None, url: str) -> bytes | None:
        if known is None:
            self.require_network(url)
            return None
        return known.content
