"""A token server for registries: what stands behind `WWW-Authenticate: Bearer realm=...`.

Speaks the GET form of the distribution project's token authentication
(https://distribution.github.io/distribution/spec/auth/token/). Its tokens carry their certificate in the x5c header,
the one form that docker-registry 2.8 and distribution 3 both take.
"""

import base64
import datetime as dt
import json
import secrets
import ssl
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import jwt
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.support.process import LOOPBACK, POLL_S, free_port
from tests.support.tls import Authority

ISSUER = "rune test realm"
SERVICE = "rune test registry"
# Both registries accept a token for this long after its exp (Leeway in their registry/auth/token/token.go).
REGISTRY_LEEWAY_S = 60


@dataclass(frozen=True)
class Credentials:
    """A user name and a password that exist for one test run."""

    username: str
    password: str = field(default_factory=lambda: secrets.token_urlsafe(12), repr=False)

    @property
    def basic(self) -> str:
        """The value of an Authorization header (RFC 7617)."""
        return "Basic " + base64.b64encode(f"{self.username}:{self.password}".encode()).decode()


@dataclass(frozen=True)
class Issued:
    """One token that the realm gave out: to whom (empty: nobody in particular), for which scopes."""

    username: str
    scopes: tuple[str, ...]


class TokenRealm:
    """Gives tokens that a registry stops accepting `lifetime_s` seconds after they were issued.

    With `credentials`, only to who knows them; without, anonymously. `issued` is the list of all, oldest first: how
    often a client asks is often what a test is about. `root_certificates` is the file that the registry trusts (PEM).
    """

    def __init__(
        self,
        folder: Path,
        *,
        lifetime_s: int = 300,
        credentials: Credentials | None = None,
        authority: Authority | None = None,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.lifetime_s = lifetime_s
        self.credentials = credentials
        self.issued: list[Issued] = []
        self.root_certificates = folder / "realm.pem"
        self._key = ec.generate_private_key(ec.SECP256R1())
        certificate = _self_signed(self._key)
        self.root_certificates.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        self._chain = [base64.b64encode(certificate.public_bytes(serialization.Encoding.DER)).decode()]
        self._server = ThreadingHTTPServer((LOOPBACK, free_port()), self._handler())
        self._server.daemon_threads = True
        if authority is not None:
            identity = authority.issue("realm")
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(identity.certificate, identity.key)
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        scheme = "http" if authority is None else "https"
        self.host = f"{LOOPBACK}:{self._server.server_port}"
        self.url = f"{scheme}://{self.host}/token"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(POLL_S,), daemon=True)

    def start(self) -> None:
        """Answer from now on."""
        self._thread.start()

    def stop(self) -> None:
        """Stop for good."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def token(self, username: str, scopes: tuple[str, ...]) -> str:
        """A token for scopes of the form type:name:action,action."""
        self.issued.append(Issued(username, scopes))
        now = int(time.time())
        claims = {
            "iss": ISSUER,
            "aud": SERVICE,
            "sub": username,
            "iat": now,
            "nbf": now - REGISTRY_LEEWAY_S,
            "exp": now + self.lifetime_s - REGISTRY_LEEWAY_S,
            "jti": secrets.token_hex(8),
            "access": [_access(scope) for scope in scopes],
        }
        return jwt.encode(claims, self._key, algorithm="ES256", headers={"x5c": self._chain})

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        realm = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                credentials = realm.credentials
                if credentials is not None and self.headers.get("Authorization") != credentials.basic:
                    self._answer(401, {"errors": [{"code": "UNAUTHORIZED", "message": "authentication required"}]})
                    return
                scopes = tuple(parse_qs(urlsplit(self.path).query).get("scope", []))
                token = realm.token(credentials.username if credentials else "", scopes)
                issued_at = dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
                self._answer(200, {"token": token, "expires_in": realm.lifetime_s, "issued_at": issued_at})

            def _answer(self, status: int, body: dict[str, object]) -> None:
                data = json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name for it
                """Say nothing: a test reads `issued`."""

        return Handler


def _access(scope: str) -> dict[str, object]:
    # The name may hold a port and so a colon: split at the first and the last.
    kind, _, rest = scope.partition(":")
    name, _, actions = rest.rpartition(":")
    return {"type": kind, "name": name, "actions": actions.split(",")}


def _self_signed(key: ec.EllipticCurvePrivateKey) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, ISSUER)])
    now = dt.datetime.now(dt.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(minutes=5))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
