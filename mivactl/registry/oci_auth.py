"""`OciClient`: a client that answers when a registry asks who is there, and tells a secret to nobody else.

Both ways of the distribution specification: Basic, and tokens that a server named by the registry (its realm) makes of
the secret. A realm elsewhere than the registry itself gets nothing, unless the person has allowed it.
"""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode
from urllib.request import parse_http_list, parse_keqv_list

from mivactl.credentials import variable_of
from mivactl.registry.oci_manifests import MANIFEST
from mivactl.transfer.address import Origin, shown_url
from mivactl.transfer.client import ClientOptions, Document, HttpClient
from mivactl.transfer.credential import Credential
from mivactl.transfer.reply import Denied
from registry_schema import strict_json
from registry_schema.errors import AuthProblem, MivaError, Refused, UsageProblem

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mivactl.transfer.reply import Reply
    from mivactl.transfer.request import Request
    from registry_schema.names import RegistryName

_TOKEN_BYTES: Final = 64 * 1024
# whose realms belong to them, by their own documentation
_KNOWN_REALMS: Final = {
    "https://registry-1.docker.io": "https://auth.docker.io",
    "https://registry.gitlab.com": "https://gitlab.com",
}


@dataclass(frozen=True, kw_only=True)
class OciLogin:
    """Who asks whom.

    Attributes:
        registry: what the person calls it.
        secret: `user:password`, or a token alone; None asks as anybody.
        realms: servers, `host` or `host:port`, that may be told the secret besides the registry.
    """

    registry: RegistryName
    origin: Origin
    secret: str | None
    realms: tuple[str, ...] = ()


class OciClient(HttpClient):
    """Asks one OCI registry; threads may share it."""

    def __init__(self, options: ClientOptions, login: OciLogin) -> None:
        super().__init__(options)
        self._login = login
        self._nobody = HttpClient(options, connections=self._connections)
        self._known: dict[tuple[str, bool], HttpClient] = {}

    @contextmanager
    def open(self, request: Request) -> Iterator[Reply]:
        """See `HttpClient`; asked who is there, it answers once.

        Raises:
            AuthProblem: not with this secret, or not without one.
            Refused: the secret would have to be told to somebody else.
        """
        if "/manifests/" in request.url:
            request = replace(request, headers={"Accept": MANIFEST, **request.headers})
        key = _scope(request)
        with ExitStack() as stack:
            try:
                reply = stack.enter_context(self._known.get(key, self._nobody).open(request))
            except Denied as error:
                self._known[key] = self._answered(error, self._known.get(key))
                try:
                    reply = stack.enter_context(self._known[key].open(request))
                except Denied as again:
                    raise self._unknown(again) from again
            yield reply

    def _answered(self, error: Denied, before: HttpClient | None) -> HttpClient:
        scheme, _, rest = (error.challenge or "").partition(" ")
        login = self._login
        if error.status != 401:
            raise self._unknown(error) from error
        if scheme.lower() == "bearer":
            token = self._token(_parameters(rest), error)
            return self._nobody.with_credential(Credential.bearer(login.origin, token))
        if scheme.lower() != "basic" or login.secret is None or before is not None:
            raise self._unknown(error) from error
        return self._nobody.with_credential(_basic(login.secret, login.origin))

    def _token(self, asked: dict[str, str], error: Denied) -> str:
        """A token made by the realm."""
        realm = asked.get("realm", "")
        if not asked and self._login.secret is not None and ":" not in self._login.secret:
            return self._login.secret
        client = self._nobody
        try:
            origin = Origin.of(realm)
        except UsageProblem as problem:
            raise self._unknown(error) from problem
        if self._login.secret is not None:
            self._require_allowed(origin)
            client = client.with_credential(_basic(self._login.secret, origin))
        wanted = [(name, asked[name]) for name in ("service", "scope") if name in asked]
        url = f"{realm}{'&' if '?' in realm else '?'}{urlencode(wanted)}"
        try:
            answer = client.read(url, max_bytes=_TOKEN_BYTES)
        except Denied as problem:
            raise self._unknown(problem) from problem
        token = _token_in(answer, shown_url(realm))
        if token is None:
            raise self._unknown(error) from error
        return token

    def _require_allowed(self, realm: Origin) -> None:
        own = self._login.origin
        named = {f"{realm.host}:{realm.port}", str(realm).partition("://")[2]}
        trusted = realm == own or str(realm) == _KNOWN_REALMS.get(str(own)) or bool(named & set(self._login.realms))
        downgraded = own.scheme == "https" and realm.scheme != "https"
        if downgraded or not trusted:
            raise Refused(
                f"registry `{self._login.registry}` at `{own}` wants its secret told to `{realm}`",
                hint=f"if you trust that server, add the registry again with `--realm {realm.host}:{realm.port}`"
                if not downgraded
                else "that server is asked without encryption; tell the registry's owner",
            )

    def _unknown(self, error: MivaError) -> AuthProblem:
        variable = variable_of(self._login.registry)
        return AuthProblem(error.message, hint=f"set `{variable}` to `user:password` of an account that may do this")


def _scope(request: Request) -> tuple[str, bool]:
    """What a credential is good for: a repository, and whether more than reading."""
    for part in ("/blobs/", "/manifests/"):
        repository, found, _ = request.url.partition(part)
        if found:
            return repository, request.method not in {"GET", "HEAD"}
    return "", False


def _parameters(text: str) -> dict[str, str]:
    """What a challenge says (RFC 9110, 11.2); nothing if it says it wrong."""
    try:
        return {name.lower(): value for name, value in parse_keqv_list(parse_http_list(text)).items()}
    except (ValueError, IndexError):
        return {}


def _basic(secret: str, origin: Origin) -> Credential:
    user, colon, password = secret.partition(":")
    return Credential.basic(origin, user if colon else "token", password if colon else secret)


def _token_in(answer: object, source: str) -> str | None:
    """The token in the answer of a realm; it has one of two names."""
    if not isinstance(answer, Document):
        return None
    value = strict_json.parse(answer.content, max_bytes=_TOKEN_BYTES, source=source)
    found = (value.get("token") or value.get("access_token")) if isinstance(value, dict) else None
    return found if isinstance(found, str) else None
