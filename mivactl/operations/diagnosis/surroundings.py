"""What mivactl finds around it: the clock, proxies, certificates, registries."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from mivactl.operations.diagnosis.finding import Finding
from mivactl.registry.registry import STARTER
from mivactl.session import LOCAL
from registry_schema.errors import MivaError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mivactl.registry.registry import Registry
    from mivactl.session import Session

_SKEW: Final = timedelta(minutes=5)
_FEW: Final = 20
"""Adapters whose index is read: enough to see whether a registry can be read and what time it is there."""
_PROXIES: Final = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy")
_SCHEMES: Final = frozenset({"http", "https", "socks4", "socks5", "socks5h"})
_CERTIFICATES: Final = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")


def surrounding_findings(session: Session, environment: Mapping[str, str], *, now: datetime) -> Iterator[Finding]:
    """What is wrong around mivactl, at the moment `now`."""
    yield from _proxies(environment)
    yield from _certificates(environment)
    for registry in session.registries:
        yield from _registry(registry, now)


def _proxies(environment: Mapping[str, str]) -> Iterator[Finding]:
    for name in _PROXIES:
        text = environment.get(name, "")
        try:
            parts = urlsplit(text)
            usable = parts.scheme in _SCHEMES and bool(parts.hostname) and parts.port != 0
        except ValueError:
            usable = False
        if text and not usable:
            # a proxy's address often holds a password, so it is not shown
            yield Finding("proxy", "problem", f"`{name}` is no address like `http://proxy:3128`", f"unset {name}")


def _certificates(environment: Mapping[str, str]) -> Iterator[Finding]:
    for name in _CERTIFICATES:
        path = environment.get(name)
        if not path:
            continue
        place = Path(path)
        try:
            is_folder = place.is_dir()
            ssl.create_default_context(capath=path if is_folder else None, cafile=None if is_folder else path)
            place.stat()
        except (OSError, ValueError) as error:
            message = f"`{name}` names `{path}`, which holds no certificates: {error}"
            yield Finding("certificates", "problem", message, f"unset {name}")


def _registry(registry: Registry, now: datetime) -> Iterator[Finding]:
    try:
        names = registry.names()
        lines = [line for name in names[:_FEW] for line in registry.lines(name)]
    except MivaError as problem:
        fix = {STARTER: "pip install --force-reinstall mivactl", LOCAL: f"mv {registry.place} {registry.place}.broken"}
        yield Finding(
            "registry",
            "problem",
            f"registry `{registry.name}` can not be read: {problem.message}",
            fix.get(registry.name, f"mivactl registry remove {registry.name}"),
        )
        return
    newest = max((datetime.fromisoformat(line.published) for line in lines), default=now)
    if newest.astimezone(UTC) - now > _SKEW:
        there = f"registry `{registry.name}` was written {newest:%Y-%m-%d %H:%M}"
        message = f"the clock says {now:%Y-%m-%d %H:%M} UTC, {there}"
        yield Finding("clock", "problem", message, "sudo timedatectl set-ntp true")
