"""Fulcio and Rekor of a test's own sigstore instance, over HTTP on loopback, and the issuer whose tokens Fulcio takes.

As much of both APIs as clients use to sign: CreateSigningCertificate of fulcio.proto, createLogEntry of Rekor's
openapi.yaml.
"""

import base64
import json
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from rune.model.signature import Envelope
from tests.support.sigstore import Document, Sigstore
from tests.support.sigstore_ca import Claim, new_key

SIGNING_CONFIG_TYPE = "application/vnd.dev.sigstore.signingconfig.v0.2+json"
ISSUER = "https://issuer.rune.test"
CERTIFICATES = "/api/v2/signingCert"
ENTRIES = "/api/v1/log/entries"


@dataclass
class SigstoreServer:
    """A running instance. Failures may be set while it runs."""

    url: str
    instance: Sigstore
    issuer_key: ec.EllipticCurvePrivateKey = field(default_factory=new_key, repr=False)
    clusters: dict[str, ec.EllipticCurvePublicKey] = field(default_factory=dict)
    """Kubernetes clusters whose service accounts are certified too: the issuer's key, by the issuer."""
    refuse: dict[str, int] = field(default_factory=dict)
    """By path: the status to answer with."""
    hold: dict[str, float] = field(default_factory=dict)
    """By path: how many seconds to say nothing."""
    requests: list[tuple[str, bool]] = field(default_factory=list)
    """Each path that was asked for, and whether a credential came with it."""

    def token(self, subject: str, *, lifetime_s: float = 600, **claims: object) -> str:
        """A token of the issuer."""
        now = int(time.time())
        usual = {"iss": ISSUER, "sub": subject, "aud": "sigstore", "iat": now, "exp": now + int(lifetime_s)}
        return jwt.encode(usual | claims, self.issuer_key, algorithm="ES256")

    def signing_config(self) -> Document:
        """What clients are configured with."""
        service = {"url": self.url, "majorApiVersion": 1, "operator": "rune.test"}
        service_since = {**service, "validFor": {"start": "2022-01-01T00:00:00Z"}}
        return {
            "mediaType": SIGNING_CONFIG_TYPE,
            "caUrls": [service_since],
            "oidcUrls": [{**service_since, "url": ISSUER}],
            "rekorTlogUrls": [service_since],
            "rekorTlogConfig": {"selector": "ANY"},
            "tsaUrls": [],
            "tsaConfig": {"selector": "ANY"},
        }

    def certify(self, authorization: str, request: Mapping[str, Any]) -> Document:
        """Fulcio's answer to a signing request."""
        claims = self._claims(authorization.removeprefix("Bearer "))
        key = _proved_key(request, claims["sub"])
        leaf = self.instance.authority.certify(key, Claim.of(claims["iss"], _subject(claims)))
        chain = [
            certificate.public_bytes(serialization.Encoding.PEM).decode()
            for certificate in (leaf, *self.instance.authority.chain)
        ]
        return {"signedCertificateEmbeddedSct": {"chain": {"certificates": chain}}}

    def _claims(self, token: str) -> dict[str, Any]:
        issuer = jwt.decode(token, options={"verify_signature": False})["iss"]
        key = self.clusters.get(issuer, self.issuer_key.public_key())
        claims: dict[str, Any] = jwt.decode(token, key, ["ES256"], audience="sigstore")
        return claims

    def log(self, proposed: Mapping[str, Any]) -> Document:
        """Rekor's answer to a proposed entry."""
        content = proposed["spec"]["proposedContent"]
        envelope = json.loads(content["envelope"])
        pem = base64.b64decode(content["verifiers"][0])
        key = x509.load_pem_x509_certificate(pem).public_key()
        if not isinstance(key, ec.EllipticCurvePublicKey):
            raise TypeError("the certificate is not of an elliptic curve")
        message = Envelope(envelope["payloadType"], base64.b64decode(envelope["payload"]), b"", b"").message()
        key.verify(base64.b64decode(envelope["signatures"][0]["sig"]), message, ec.ECDSA(hashes.SHA256()))
        entry = self.instance.log.add(content["envelope"].encode(), pem)
        return {f"{entry['logIndex']:064x}": entry}


def _subject(claims: Mapping[str, Any]) -> str:
    """Whom a certificate is for: a service account as Fulcio's pkg/identity/kubernetes says, others as they are."""
    account = claims.get("kubernetes.io")
    if account is None:
        return str(claims["sub"])
    return (
        f"https://kubernetes.io/namespaces/{account['namespace']}/serviceaccounts/{account['serviceaccount']['name']}"
    )


def _proved_key(request: Mapping[str, Any], subject: str) -> ec.EllipticCurvePublicKey:
    """The key that a request proves to hold: sigstore-python signs a request for it, cosign its own subject."""
    if "certificateSigningRequest" in request:
        signing_request = x509.load_pem_x509_csr(base64.b64decode(request["certificateSigningRequest"]))
        key = signing_request.public_key()
        if not signing_request.is_signature_valid or not isinstance(key, ec.EllipticCurvePublicKey):
            raise ValueError("the signing request proves no key")
        return key
    public = serialization.load_pem_public_key(request["publicKeyRequest"]["publicKey"]["content"].encode())
    if not isinstance(public, ec.EllipticCurvePublicKey):
        raise TypeError("the key is not of an elliptic curve")
    proof = base64.b64decode(request["publicKeyRequest"]["proofOfPossession"])
    public.verify(proof, subject.encode(), ec.ECDSA(hashes.SHA256()))
    return public


@contextmanager
def serving(instance: Sigstore) -> Iterator[SigstoreServer]:
    """Run the instance's services."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            server.requests.append((self.path, "Authorization" in self.headers))
            time.sleep(server.hold.get(self.path, 0))
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            status = server.refuse.get(self.path)
            if status is not None:
                self._answer(status, {"code": status, "message": "refused"})
                return
            try:
                if self.path == CERTIFICATES:
                    self._answer(200, server.certify(self.headers.get("Authorization", ""), body))
                elif self.path == ENTRIES:
                    logged = server.log(body)
                    # cosign finds its entry by this header.
                    self._answer(201, logged, {"ETag": next(iter(logged))})
                else:
                    self._answer(404, {})
            except Exception as error:  # noqa: BLE001  # as a service: whatever a request is wrong in, it is refused
                self._answer(400, {"code": 400, "message": type(error).__name__})

        def _answer(self, status: int, document: Document, headers: Mapping[str, str] | None = None) -> None:
            data = json.dumps(document).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            for name, value in (headers or {}).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # its name in the base class
            """Not on the test's output."""

    listener = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server = SigstoreServer(f"http://127.0.0.1:{listener.server_port}", instance)
    thread = threading.Thread(target=listener.serve_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        listener.shutdown()
        listener.server_close()
        thread.join()
