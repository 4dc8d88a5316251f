"""Addresses on the web: which ones are asked, who answers there, and how a message may show them."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import SplitResult, urlsplit

from registry_schema.errors import Refused, UsageProblem
from registry_schema.text import shown

_PORTS: Final = {"http": 80, "https": 443}
_LONGEST_SHOWN: Final = 160
_PARTS: Final = re.compile(r"^((?:[A-Za-z][A-Za-z0-9+.-]*:)?//|)([^/?#]*)([^?#]*)(\??)")
_HOST: Final = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^:@\[\]]*)(:[0-9]{1,5})?")


@dataclass(frozen=True)
class Origin:
    """Scheme, host and port: whom a credential is for."""

    scheme: str
    host: str
    port: int

    @classmethod
    def of(cls, url: str) -> Origin:
        """The origin of an address.

        Raises:
            UsageProblem: it is no address of a web server, or has a user and a password in it.
        """
        parts = _split(url)
        return cls(parts.scheme, parts.hostname or "", parts.port or _PORTS[parts.scheme])

    @property
    def is_loopback(self) -> bool:
        """Whether it is this machine."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}" + ("" if self.port == _PORTS[self.scheme] else f":{self.port}")


def _split(url: str) -> SplitResult:
    hint = "write it as `https://host/path`"
    # urlsplit drops line breaks without a word
    if not url.isascii() or not url.isprintable() or " " in url:
        message = (
            f"address `{shown_url(url)}` has blanks or other characters that must be written as `%` and two digits"
        )
        raise UsageProblem(message, hint=hint)
    try:
        parts = urlsplit(url)
        known = parts.scheme in _PORTS and parts.hostname and parts.port != 0
    except ValueError:
        known = False
    if not known:
        message = f"`{shown_url(url)}` is no address of a web server, expected `https://host/path`"
        raise UsageProblem(message, hint=hint)
    if "@" in parts.netloc:
        raise UsageProblem(
            f"address `{shown_url(url)}` has a user or a password in it, expected none",
            hint="leave it out of the address, where everybody sees it, and give it as a credential",
        )
    return parts


def require_safe(url: str, *, insecure: bool) -> Origin:
    """The origin of `url`, if it may be asked: without encryption only this machine, unless `insecure`.

    Raises:
        UsageProblem: as `Origin.of`.
        Refused: plain http to another machine.
    """
    origin = Origin.of(url)
    if origin.scheme == "http" and not origin.is_loopback and not insecure:
        raise Refused(
            f"`{shown_url(url)}` is asked without encryption, expected `https`",
            hint="use its https address, or set `insecure = true` for this registry if you trust the network",
        )
    return origin


def shown_url(url: str) -> str:
    """`url` as a message may show it: no user, no password, no query, nothing unseen, not too long."""
    scheme, authority, path, query = _PARTS.findall(url)[0]
    host = authority.rpartition("@")[2]
    # a password with a slash or a question mark in it looks like the end of a host, or like a port
    is_doubtful = "@" in url[len(scheme + authority) :] and re.search("[@:]", authority)
    if is_doubtful or not _HOST.fullmatch(host):
        return shown(f"{scheme}...", longest=_LONGEST_SHOWN)
    return shown(f"{scheme}{host}{path}{query and '?...'}", longest=_LONGEST_SHOWN)
