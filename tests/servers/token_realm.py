"""The token server of an OCI registry, as the distribution project describes it: a user and a password for a JWT."""

from __future__ import annotations

import base64
import datetime
import json
import secrets
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from tests.servers.blob_server import LoopbackServer, QuietHandler, Seen

if TYPE_CHECKING:
    from pathlib import Path

ISSUER, SERVICE = "test-issuer", "test-service"


class TokenRealm(LoopbackServer):
    """Makes tokens that last `seconds` for whoever sends `wants`; `root` gets the certificate that vouches for them."""

    def __init__(self, root: Path, *, wants: str, seconds: int = 300) -> None:
        super().__init__(_RealmHandler)
        self.wants = wants
        self.seconds = seconds
        self.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, ISSUER)])
        now = datetime.datetime.now(datetime.UTC)
        self.certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(self.key.public_key())
            .serial_number(1)
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .sign(self.key, hashes.SHA256())
        )
        root.write_bytes(self.certificate.public_bytes(serialization.Encoding.PEM))

    def auth(self, root: Path) -> str:
        """The section of docker-registry's configuration that leads here."""
        return (
            f'auth: {{{{ token: {{{{ realm: "{self.url}/token", service: {SERVICE}, issuer: {ISSUER}, '
            f'rootcertbundle: "{root}" }}}} }}}}'
        )

    def token(self, scope: str) -> str:
        kind, name, actions = scope.split(":")
        now = int(time.time())
        header = {"typ": "JWT", "alg": "RS256", "x5c": [_der(self.certificate)]}
        claims = {
            "iss": ISSUER,
            "sub": "tester",
            "aud": SERVICE,
            "nbf": now - 10,
            "iat": now - 10,
            "exp": now + self.seconds,
            "jti": secrets.token_hex(8),
            "access": [{"type": kind, "name": name, "actions": actions.split(",")}],
        }
        signed = ".".join(_url_safe(json.dumps(part).encode()) for part in (header, claims))
        signature = self.key.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256())
        return f"{signed}.{_url_safe(signature)}"


class _RealmHandler(QuietHandler):
    owner: Any

    def answer(self, seen: Seen) -> None:
        asked = parse_qs(urlsplit(seen.path).query)
        if self.headers.get("Authorization") != self.owner.wants:
            self.send(401, b"who?", WWW_Authenticate='Basic realm="here"')
        elif asked.get("service") != [SERVICE]:
            self.send(400)
        else:
            token = self.owner.token(asked["scope"][0])
            self.send(200, json.dumps({"token": token}).encode(), Content_Type="application/json")


def _der(certificate: x509.Certificate) -> str:
    return base64.b64encode(certificate.public_bytes(serialization.Encoding.DER)).decode()


def _url_safe(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
