"""Signing by identity against services of our own: what is asked of whom, and how it ends where they refuse."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from rune.adapters.keyless import IdentityVerifier
from rune.adapters.keyless_proof import Proofs
from rune.adapters.keyless_root import TrustedRoots
from rune.adapters.keyless_sign import KeylessSigner
from rune.errors import InvalidConfig, RuneError, SignatureInvalid, SigningKeyMissing, SigningUnavailable
from rune.model.clock import Clock, SystemClock
from rune.model.limits import PUBLISH
from rune.model.oci import digest_of
from rune.model.spec import IdentitySpec
from rune.snapshot.cosign import approves, decode_bundle, sign
from tests.fakes.clock import FakeClock
from tests.support.sigstore import Document, Sigstore, encode
from tests.support.sigstore_server import CERTIFICATES, ENTRIES, ISSUER, SigstoreServer, serving

DIGEST = digest_of(b"object")
ANNA = "anna@example.com"


@pytest.fixture
def server() -> Iterator[SigstoreServer]:
    with serving(Sigstore()) as running:
        yield running


def signer(
    server: SigstoreServer,
    folder: Path,
    *,
    token: str | None = None,
    config: Document | None = None,
    root: Document | None = None,
    clock: Clock | None = None,
    timeout_s: float = 20.0,
) -> KeylessSigner:
    """Somebody with a token in a file; Anna unless said otherwise."""
    (folder / "token").write_text(token or server.token(ANNA) + "\n")
    (folder / "signing_config.json").write_bytes(encode(config or server.signing_config()))
    return KeylessSigner(
        TrustedRoots(encode(root or server.instance.trusted_root())),
        token_file=folder / "token",
        signing_config=folder / "signing_config.json",
        clock=clock or SystemClock(),
        timeout_s=timeout_s,
    )


def test_what_is_signed_is_accepted_as_the_tokens_identity(server: SigstoreServer, tmp_path: Path) -> None:
    envelope = decode_bundle(sign(signer(server, tmp_path), DIGEST))
    roots = TrustedRoots(encode(server.instance.trusted_root()))
    assert approves(envelope.payload, envelope.payload_type, DIGEST)
    assert IdentityVerifier(IdentitySpec(ISSUER, subject=ANNA), Proofs(roots)).verify(envelope)
    assert not IdentityVerifier(IdentitySpec(ISSUER, subject="mallory@example.com"), Proofs(roots)).verify(envelope)


def test_the_token_goes_to_the_certificate_authority_alone_and_once(server: SigstoreServer, tmp_path: Path) -> None:
    anna = signer(server, tmp_path)
    for number in range(3):
        sign(anna, digest_of(b"object %d" % number))
    assert server.requests == [(CERTIFICATES, True), *[(ENTRIES, False)] * 3]


def test_a_certificate_is_replaced_before_it_expires(server: SigstoreServer, tmp_path: Path) -> None:
    clock = FakeClock()
    anna = signer(server, tmp_path, clock=clock)
    clock.advance(PUBLISH.certificate_s - 1)
    sign(anna, DIGEST)
    clock.advance(2)
    sign(anna, DIGEST)
    assert [path for path, _ in server.requests] == [CERTIFICATES, ENTRIES, CERTIFICATES, ENTRIES]


def test_a_ci_jobs_own_token_is_found(server: SigstoreServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """GitLab's way: a variable of the job (docs.gitlab.com, ci/yaml, id_tokens)."""
    monkeypatch.setenv("GITLAB_CI", "true")
    monkeypatch.setenv("SIGSTORE_ID_TOKEN", server.token(ANNA))
    config = tmp_path / "signing_config.json"
    config.write_bytes(encode(server.signing_config()))
    roots = TrustedRoots(encode(server.instance.trusted_root()))
    anna = KeylessSigner(roots, token_file=None, signing_config=config, clock=SystemClock())
    envelope = decode_bundle(sign(anna, DIGEST))
    assert IdentityVerifier(IdentitySpec(ISSUER, subject=ANNA), Proofs(roots)).verify(envelope)


@pytest.mark.parametrize(
    ("path", "status", "error"),
    [
        pytest.param(CERTIFICATES, 403, SigningKeyMissing, id="certificate-refused"),
        pytest.param(CERTIFICATES, 500, SigningUnavailable, id="certificate-authority-broken"),
        pytest.param(ENTRIES, 400, SigningKeyMissing, id="entry-refused"),
        pytest.param(ENTRIES, 503, SigningUnavailable, id="log-broken"),
    ],
)
def test_a_service_that_refuses(
    path: str, status: int, error: type[RuneError], server: SigstoreServer, tmp_path: Path
) -> None:
    server.refuse[path] = status
    with pytest.raises(error, match=f"HTTP {status}") as caught:
        sign(signer(server, tmp_path), DIGEST)
    assert (tmp_path / "token").read_text().strip() not in str(caught.value)


@pytest.mark.parametrize("path", [CERTIFICATES, ENTRIES])
def test_a_service_that_says_nothing_is_not_waited_for(path: str, server: SigstoreServer, tmp_path: Path) -> None:
    server.hold[path] = 3.0
    with pytest.raises(SigningUnavailable, match="TimeoutError"):
        sign(signer(server, tmp_path, timeout_s=1.0), DIGEST)


def test_a_service_that_is_not_there(server: SigstoreServer, tmp_path: Path) -> None:
    nowhere = json.loads(json.dumps(server.signing_config()).replace(server.url, "http://127.0.0.1:1"))
    with pytest.raises(SigningUnavailable, match="certificate authority"):
        signer(server, tmp_path, config=nowhere)


def test_a_certificate_authority_that_the_store_does_not_trust(server: SigstoreServer, tmp_path: Path) -> None:
    with pytest.raises(SignatureInvalid, match="trustedRootFile"):
        signer(server, tmp_path, root=Sigstore().trusted_root())
    assert (ENTRIES, False) not in server.requests


@pytest.mark.parametrize(
    "claims",
    [
        pytest.param({"exp": 1_700_000_000, "iat": 1_699_999_000}, id="expired"),
        pytest.param({"aud": "kubernetes"}, id="another-audience"),
        pytest.param({"nbf": 4_000_000_000}, id="not-yet-valid"),
    ],
)
def test_a_token_that_is_not_for_this_is_never_sent(claims: Document, server: SigstoreServer, tmp_path: Path) -> None:
    token = server.token(ANNA, **claims)
    with pytest.raises(SigningKeyMissing, match="audience sigstore") as caught:
        signer(server, tmp_path, token=token)
    assert token not in str(caught.value)
    assert server.requests == []


@pytest.mark.parametrize(
    "token",
    [
        pytest.param("hunter2", id="no-token"),
        pytest.param("\n", id="empty"),
        pytest.param("ü", id="not-ascii"),
        pytest.param("x" * (PUBLISH.identity_token_bytes + 1), id="too-long"),
    ],
)
def test_a_file_without_a_token(token: str, server: SigstoreServer, tmp_path: Path) -> None:
    with pytest.raises(SigningKeyMissing, match="token") as caught:
        signer(server, tmp_path, token=token)
    assert "hunter2" not in str(caught.value)
    assert server.requests == []


def test_no_file_at_all(server: SigstoreServer, tmp_path: Path) -> None:
    with pytest.raises(SigningKeyMissing, match="identity-token-file"):
        KeylessSigner(
            TrustedRoots(encode(server.instance.trusted_root())),
            token_file=tmp_path / "absent",
            signing_config=None,
            clock=SystemClock(),
        )


@pytest.mark.parametrize(
    "document",
    [
        pytest.param({"mediaType": "application/json"}, id="another-document"),
        pytest.param({"mediaType": "application/vnd.dev.sigstore.signingconfig.v0.2+json"}, id="no-services"),
    ],
)
def test_a_signing_configuration_that_is_none(document: Document, server: SigstoreServer, tmp_path: Path) -> None:
    with pytest.raises(InvalidConfig, match="signing-config create"):
        signer(server, tmp_path, config=document)
