"""Signing in a GitHub job: its token is asked of GitHub, for sigstore alone; what it asks with stays there."""

import json
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from rune.adapters.keyless import IdentityVerifier
from rune.adapters.keyless_proof import Proofs
from rune.adapters.keyless_root import TrustedRoots
from rune.adapters.keyless_sign import KeylessSigner
from rune.errors import SigningKeyMissing
from rune.model.clock import SystemClock
from rune.model.oci import digest_of
from rune.model.spec import IdentitySpec
from rune.snapshot.cosign import decode_bundle, sign
from tests.support.http_server import Answer, Asked, Server
from tests.support.sigstore import Sigstore, encode
from tests.support.sigstore_ca import WORKFLOW
from tests.support.sigstore_server import CERTIFICATES, ISSUER, SigstoreServer, serving

REQUEST_TOKEN = "the-jobs-request-token"
AUDIENCE = "sigstore"


def _signer(server: SigstoreServer, github: Server, folder: Path, monkeypatch: pytest.MonkeyPatch) -> KeylessSigner:
    """As in a job with `permissions: id-token: write` (docs.github.com, "About security hardening with OIDC")."""
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("ACTIONS_ID_TOKEN_REQUEST_TOKEN", REQUEST_TOKEN)
    monkeypatch.setenv("ACTIONS_ID_TOKEN_REQUEST_URL", f"{github.url}/token?api-version=2.0")
    config = folder / "signing_config.json"
    config.write_bytes(encode(server.signing_config()))
    roots = TrustedRoots(encode(server.instance.trusted_root()))
    return KeylessSigner(roots, token_file=None, signing_config=config, clock=SystemClock())


def test_a_jobs_token_is_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(Sigstore()) as server:

        def respond(asked: Asked) -> Answer:
            (audience,) = parse_qs(urlsplit(asked.path).query)["audience"]
            return Answer(200, json.dumps({"value": server.token(WORKFLOW, aud=audience)}).encode())

        with Server(respond).running() as github:
            job = _signer(server, github, tmp_path, monkeypatch)
            envelope = decode_bundle(sign(job, digest_of(b"head")))
            (asked,) = github.asked
        assert asked.headers["authorization"] == f"bearer {REQUEST_TOKEN}"
        assert parse_qs(urlsplit(asked.path).query) == {"api-version": ["2.0"], "audience": [AUDIENCE]}
        proofs = Proofs(TrustedRoots(encode(server.instance.trusted_root())))
        assert IdentityVerifier(IdentitySpec(ISSUER, subject=WORKFLOW), proofs).verify(envelope)
        assert not IdentityVerifier(IdentitySpec(ISSUER, subject=f"{WORKFLOW}x"), proofs).verify(envelope)


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(Answer(403, b'{"message": "the-jobs-request-token"}'), id="refused"),
        pytest.param(Answer(200, b'{"value": 7}'), id="no-token"),
        pytest.param(Answer(200, b"<html>the-jobs-request-token"), id="no-json"),
    ],
)
def test_a_job_that_gets_none_signs_nothing(answer: Answer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(Sigstore()) as server, Server(lambda _: answer).running() as github:
        with pytest.raises(SigningKeyMissing) as caught:
            _signer(server, github, tmp_path, monkeypatch)
        assert REQUEST_TOKEN not in str(caught.value)
        assert CERTIFICATES not in [path for path, _ in server.requests]
