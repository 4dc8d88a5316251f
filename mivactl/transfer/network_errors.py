"""What urllib3 says went wrong, as errors a person can act on; none repeats a header or a query."""

from __future__ import annotations

import re
import socket
import ssl
from contextlib import contextmanager
from typing import TYPE_CHECKING

from mivactl.transfer.address import Origin, shown_url
from mivactl.transfer.retries import Transient
from registry_schema.errors import AuthProblem, MivaError, NetworkProblem
from registry_schema.text import shown

if TYPE_CHECKING:
    from collections.abc import Iterator

    from urllib3.exceptions import HTTPError


@contextmanager
def network_errors(url: str) -> Iterator[None]:
    """Turn what urllib3 raises while `url` is asked into an error a person can act on.

    Raises:
        Transient: it may pass.
        NetworkProblem: it will not: an unknown name, a certificate nobody vouches for.
        AuthProblem: the proxy wants to know who asks.
    """
    from urllib3.exceptions import HTTPError

    try:
        yield
    except HTTPError as error:
        raise _explained(error, url) from error


def _explained(error: HTTPError, url: str) -> MivaError:
    from urllib3 import exceptions

    place = shown_url(url)
    if isinstance(error, exceptions.ProxyError):
        return _lost_proxy(error.original_error, place)
    if isinstance(error, exceptions.SSLError):
        return _encryption_problem(error, place)
    if isinstance(error, exceptions.NameResolutionError):
        return _unknown_host(error, url)
    return Transient(_what_broke(error, place), hint="look at the connection, then run the same command again")


def _what_broke(error: HTTPError, place: str) -> str:
    from urllib3 import exceptions

    if isinstance(error, exceptions.NewConnectionError):
        reason = error.__cause__.strerror if isinstance(error.__cause__, OSError) else None
        return f"`{place}` can not be reached: {reason or 'no connection'}"
    if isinstance(error, exceptions.ConnectTimeoutError):
        return f"`{place}` can not be reached: no connection in time"
    if isinstance(error, exceptions.ReadTimeoutError):
        return f"`{place}` stopped answering"
    return f"the connection to `{place}` broke"


def _unknown_host(error: HTTPError, url: str) -> NetworkProblem:
    message = f"`{shown_url(url)}` can not be reached: nobody knows the host `{Origin.of(url).host}`"
    cause = error.__cause__
    if isinstance(cause, socket.gaierror) and cause.errno == socket.EAI_AGAIN:
        return Transient(message, hint="look at the connection, then run the same command again")
    return NetworkProblem(message, hint="look at the spelling of the address, and at the connection")


def _encryption_problem(error: HTTPError, place: str) -> NetworkProblem:
    cause: object = error.args[0] if error.args else error
    if isinstance(cause, ssl.SSLCertVerificationError):
        return NetworkProblem(
            f"`{place}` does not prove who it is: {shown(cause.verify_message, longest=120)}",
            hint="name the file of its certificate authority with `ca` of the registry or `SSL_CERT_FILE`; "
            "if you never needed one, somebody may be in between",
        )
    return Transient(
        f"no encrypted connection to `{place}`: {shown(getattr(cause, 'reason', None) or 'it broke', longest=80)}",
        hint="look whether the address is `https` and the port right, then run the same command again",
    )


def _lost_proxy(cause: Exception, place: str) -> MivaError:
    refused = re.search(r"Tunnel connection failed: (\d{3})", str(cause))
    if refused:
        return proxy_problem(int(refused[1]), place)
    return Transient(
        f"the proxy on the way to `{place}` can not be reached",
        hint="look at `HTTP_PROXY` and `HTTPS_PROXY`; `NO_PROXY=host` goes past it",
    )


def proxy_problem(status: int, place: str) -> MivaError:
    """The error for a proxy that answers for itself."""
    if status == 407:
        return AuthProblem(
            f"the proxy on the way to `{place}` wants to know who asks (HTTP 407)",
            hint="set `HTTPS_PROXY=http://user:password@host:port`, or `HTTP_PROXY` likewise",
        )
    message = f"the proxy on the way to `{place}` answered HTTP {status}"
    hint = "ask who runs the proxy, or go past it with `NO_PROXY=host`"
    return Transient(message, hint=hint) if status >= 500 else NetworkProblem(message, hint=hint)
