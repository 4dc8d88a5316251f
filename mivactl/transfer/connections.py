"""Connections to servers: verified TLS, the proxies of the environment, kept open for the next request."""

from __future__ import annotations

import os
import ssl
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

from mivactl.transfer.address import Origin, shown_url
from mivactl.transfer.network_errors import network_errors
from registry_schema.errors import UsageProblem

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import BinaryIO

    from urllib3 import BaseHTTPResponse, PoolManager

    from mivactl.transfer.patience import Patience

_AT_ONCE: Final = 8
_BLOCK_BYTES: Final = 1 << 18


class Connections:
    """Connections that one client shares among its threads.

    Args:
        ca: a file of certificate authorities to trust instead of the system's; `SSL_CERT_FILE` does it for all.
    """

    def __init__(self, *, ca: Path | None, patience: Patience) -> None:
        self._ca = ca
        self._patience = patience
        self._pools: dict[str | None, PoolManager] = {}
        self._lock = Lock()

    def ask(
        self, method: str, url: str, *, headers: Mapping[str, str], body: bytes | BinaryIO | Iterable[bytes] | None
    ) -> BaseHTTPResponse:
        """The answer of one request, its body not read yet; no redirect is followed and nothing tried again.

        Raises:
            NetworkProblem, AuthProblem: as `network_errors`.
            UsageProblem: the file of authorities or the proxy's address is off.
        """
        pool = self._pool(_proxy_for(url))
        with network_errors(url):
            return pool.request(
                method,
                url,
                body=body,
                headers=headers,
                preload_content=False,
                decode_content=False,
                redirect=False,
                retries=False,
            )

    def _pool(self, proxy: str | None) -> PoolManager:
        with self._lock:
            if proxy not in self._pools:
                self._pools[proxy] = self._new_pool(proxy)
            return self._pools[proxy]

    def _new_pool(self, proxy: str | None) -> PoolManager:
        import urllib3

        from mivactl.transfer.answer_watch import watched_pools

        options: dict[str, Any] = {
            "maxsize": _AT_ONCE,
            "blocksize": _BLOCK_BYTES,
            "ssl_context": _trust(self._ca),
            "timeout": urllib3.Timeout(connect=self._patience.connect_seconds, read=self._patience.stall_seconds),
        }
        if proxy is None:
            pool = urllib3.PoolManager(**options)
        else:
            address, headers = _proxy_address(proxy)
            pool = urllib3.ProxyManager(address, proxy_headers=headers, proxy_ssl_context=_trust(None), **options)
        pool.pool_classes_by_scheme = watched_pools(self._patience.answer_seconds)
        return pool


def _trust(ca: Path | None) -> ssl.SSLContext:
    named = ca or (Path(os.environ["SSL_CERT_FILE"]) if os.environ.get("SSL_CERT_FILE") else None)
    try:
        return ssl.create_default_context(cafile=named)
    except OSError as error:
        # an error of OpenSSL is one, too
        raise UsageProblem(
            f"`{named}` is no file of certificate authorities: {error.strerror or error}",
            hint="expected PEM text with `BEGIN CERTIFICATE`; look at `ca` of the registry and at `SSL_CERT_FILE`",
        ) from error


def _proxy_for(url: str) -> str | None:
    """The address of the proxy to `url`; this machine is always asked directly."""
    origin = Origin.of(url)
    if origin.is_loopback or proxy_bypass(f"{origin.host}:{origin.port}"):
        return None
    proxies = getproxies()
    return proxies.get(origin.scheme) or proxies.get("all")


def _proxy_address(proxy: str) -> tuple[str, dict[str, str]]:
    """The address without user and password, and the headers that hold them."""
    from urllib3.util import make_headers

    try:
        parts = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
        default_port = {"http": 80, "https": 443}.get(parts.scheme)
        if default_port is None or not parts.hostname:
            raise ValueError
        host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
        address = f"{parts.scheme}://{host}:{parts.port or default_port}"
    except ValueError:
        raise UsageProblem(
            f"the proxy `{shown_url(proxy)}` has no usable address, expected `http://host:port`",
            hint="look at `HTTP_PROXY` and `HTTPS_PROXY`",
        ) from None
    if parts.username is None:
        return address, {}
    pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
    return address, make_headers(proxy_basic_auth=pair)
