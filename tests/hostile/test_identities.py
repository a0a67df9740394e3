"""Signers by identity, one for each role: what another of them signed, or somebody of a similar name, is refused."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache

import pytest

from rune.errors import SignatureInvalid
from rune.model.oci import digest_of
from rune.model.spec import IdentitySpec, VerifySpec
from rune.snapshot.accept import Accepted, Evidence, Expectation, PolicyEvidence, Signed, accept
from rune.snapshot.cosign import statement
from rune.wiring.trust import open_trust
from tests.fakes.signing import STORE_ID, signed_store
from tests.support.sigstore import Sigstore, encode
from tests.support.sigstore_ca import GITHUB, Claim

OF_ACME = "https://github.com/acme/infra/.github/workflows/"
WRITER = f"{OF_ACME}deploy-prod.yml@refs/heads/main"
REFRESH = f"{OF_ACME}refresh.yml@refs/heads/main"
SECURITY = "https://github.com/acme/policy/.github/workflows/sign.yml@refs/heads/main"
WRITERS = IdentitySpec(GITHUB, subject_pattern=f"{OF_ACME}deploy-*.yml@refs/heads/main")
FRESHNESS = IdentitySpec(GITHUB, subject=REFRESH)
POLICY = IdentitySpec(GITHUB, subject_pattern="https://github.com/acme/policy/**")
VERIFY = VerifySpec((WRITERS,), freshness=(FRESHNESS,), policy_signers=(POLICY,))
INSTANCE = Sigstore()
ROOT = encode(INSTANCE.trusted_root())
MADE = signed_store(created=datetime.now(UTC).replace(microsecond=0)).evidence
HEAD, SNAPSHOT, GRANTS = "head", "snapshot", "policy"
RIGHT = {HEAD: REFRESH, SNAPSHOT: WRITER, GRANTS: SECURITY}


@cache
def bundle(data: bytes, subject: str, issuer: str) -> bytes:
    """An object's signature by whoever that issuer calls so."""
    return encode(INSTANCE.sign(statement(digest_of(data)), Claim.of(issuer, subject)))


def judge(signers: Mapping[str, str], verify: VerifySpec = VERIFY, *, issuer: str = GITHUB) -> Accepted:
    """What a node makes of a store.

    Args:
        signers: whose subjects signed what, where it isn't the right one.
        verify: whom the node accepts.
        issuer: of those.
    """
    policy = MADE.policy
    assert policy is not None

    def signed(data: bytes, what: str) -> tuple[bytes, ...]:
        return (bundle(data, signers.get(what, RIGHT[what]), issuer if what in signers else GITHUB),)

    evidence = Evidence(
        head=Signed(MADE.head.data, signed(MADE.head.data, HEAD)),
        snapshot=Signed(MADE.snapshot.data, signed(MADE.snapshot.data, SNAPSHOT)),
        policy=PolicyEvidence(policy.manifest, policy.document, signed(policy.manifest, GRANTS)),
    )
    return accept(evidence, Expectation(STORE_ID, 1, 0, open_trust(verify, ROOT)), None, datetime.now(UTC))


def test_each_in_its_role_is_believed() -> None:
    signers = judge({}).signers
    assert (signers.freshness, signers.writer, signers.policy) == (REFRESH, WRITERS.name, POLICY.name)
    assert judge({SNAPSHOT: WRITER.replace("prod", "canary")}).signers.writer == WRITERS.name


@pytest.mark.parametrize(
    ("what", "subject"),
    [
        pytest.param(HEAD, WRITER, id="a-head-by-a-writer"),
        pytest.param(HEAD, SECURITY, id="a-head-by-a-policy-signer"),
        pytest.param(HEAD, REFRESH.replace("/main", "/mainline"), id="a-head-by-a-longer-name"),
        pytest.param(SNAPSHOT, REFRESH, id="a-snapshot-by-the-freshness-signer"),
        pytest.param(SNAPSHOT, SECURITY, id="a-snapshot-by-a-policy-signer"),
        pytest.param(SNAPSHOT, WRITER.replace("/main", "/feature"), id="a-snapshot-by-another-branch"),
        pytest.param(SNAPSHOT, WRITER.replace("heads/main", "heads/x@refs/heads/main"), id="a-branch-that-ends-alike"),
        pytest.param(SNAPSHOT, WRITER.replace("acme", "acme-evil"), id="a-snapshot-by-another-owner"),
        pytest.param(SNAPSHOT, WRITER.replace("infra", "infra-evil"), id="a-snapshot-by-another-repository"),
        pytest.param(
            SNAPSHOT, WRITER.replace("github.com", "github.com.evil.example"), id="a-snapshot-by-another-host"
        ),
        pytest.param(SNAPSHOT, f"https://evil.example/{WRITER}", id="a-snapshot-by-a-name-that-holds-the-right-one"),
        pytest.param(GRANTS, WRITER, id="a-policy-by-a-writer"),
        pytest.param(GRANTS, REFRESH, id="a-policy-by-the-freshness-signer"),
        pytest.param(GRANTS, SECURITY.replace("/policy/", "/policy-evil/"), id="a-policy-by-another-repository"),
    ],
)
def test_nobody_else_is(what: str, subject: str) -> None:
    with pytest.raises(SignatureInvalid, match=f"^{SignatureInvalid.reason}: {what} "):
        judge({what: subject})
    # It is the name alone that was refused: named in the RuneStore, the very same signature counts.
    named = IdentitySpec(GITHUB, subject=subject)
    extended = {
        HEAD: replace(VERIFY, freshness=(named,)),
        SNAPSHOT: replace(VERIFY, writers=(named,)),
        GRANTS: replace(VERIFY, policy_signers=(named,)),
    }
    assert judge({what: subject}, extended[what]).head == judge({}).head


@pytest.mark.parametrize("what", [HEAD, SNAPSHOT, GRANTS])
def test_nor_the_same_name_by_another_issuer(what: str) -> None:
    with pytest.raises(SignatureInvalid, match=f"^{SignatureInvalid.reason}: {what} "):
        judge({what: RIGHT[what]}, issuer="https://token.actions.evil.example")
