"""A store without any signing key: begun by an identity, or open to one from its first snapshot on."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from rune.model.bounded_yaml import Yaml
from tests.support.keyless_team import ANNA, MALLORY, Team, gathered, identity
from tests.support.sigstore_server import CERTIFICATES, ENTRIES, ISSUER

WORKFLOW = "https://github.com/acme/infra/.github/workflows/release.yml@refs/heads/main"


@pytest.fixture
def team(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Iterator[Team]:
    with gathered(tmp_path, monkeypatch, capfd) as team:
        monkeypatch.setenv("RUNE_SIGNING_CONFIG", str(tmp_path / "signing_config.json"))
        yield team


def begin(*who: str, root: bool = True) -> list[str]:
    """The arguments that make a store for this signer."""
    proof = ["--trusted-root-file", "root.json"] if root else []
    return [
        "init",
        "oci-layout://store",
        "--policy",
        "policy.yaml",
        *proof,
        *(["--issuer", ISSUER] if who else []),
        *who,
    ]


def made_files() -> list[Path]:
    """Everything that a refused `init` must not leave to the user."""
    return [path for path in (Path("rune.yaml"), *Path.home().rglob("*")) if path.is_file()]


@pytest.mark.parametrize(
    ("subject", "who", "signers"),
    [
        pytest.param(ANNA, ("--subject", ANNA), [identity(ANNA)], id="exact"),
        pytest.param(
            WORKFLOW,
            ("--subject-pattern", "https://github.com/acme/infra/**"),
            [{"issuer": ISSUER, "subjectPattern": "https://github.com/acme/infra/**"}],
            id="pattern",
        ),
    ],
)
def test_a_store_that_never_had_a_key(subject: str, who: tuple[str, ...], signers: list[Yaml], team: Team) -> None:
    made = team.as_identity(subject, *begin(*who))
    assert made.code == 0, made.err
    assert (team.entry["signers"], team.entry["trustedRootFile"]) == (signers, "root.json")
    assert not list(Path.home().rglob("*.key"))
    # The token goes to the certificate authority alone, once; the log hears of the snapshot and of its head.
    assert team.server.requests == [(CERTIFICATES, True), (ENTRIES, False), (ENTRIES, False)]

    # Nobody is asked to judge it, and nobody else may go on.
    team.server.refuse.update({CERTIFICATES: 500, ENTRIES: 500})
    verified = team.rune("verify")
    assert verified.code == 0, verified.err
    team.server.refuse.clear()
    assert team.as_identity(MALLORY, "set", "prod/payments/db", "password=@value").code == 7
    assert team.as_identity(subject, "set", "prod/payments/db", "password=@value").code == 0
    assert team.rune("get", "prod/payments/db", "password").out == "s3cr3t"
    assert team.revision() == "1-2"

    printed = team.rune("manifest", "runestore", "main", "-n", "payments", "--trusted-root-ref", "sigstore")
    assert yaml.safe_load(printed.out)["spec"]["verify"] == {
        "identities": signers,
        "trustedRootRef": {"name": "sigstore"},
    }


def test_whoever_is_not_named_makes_no_store_and_hears_how_they_are_called(team: Team) -> None:
    refused = team.as_identity(MALLORY, *begin("--subject", ANNA))
    assert refused.code == 7
    assert f"what {MALLORY} of issuer {ISSUER} signed" in refused.err
    assert made_files() == []
    # What it wrote before it was refused stands in nobody's way.
    made = team.as_identity(ANNA, *begin("--subject", ANNA))
    assert made.code == 0, made.err
    assert team.rune("verify").code == 0


def test_a_store_with_a_key_takes_an_identity_from_the_beginning(team: Team) -> None:
    assert team.rune(*begin("--subject", ANNA)).code == 0
    key, named = team.entry["signers"]
    assert (key["name"], named) == ("writer", identity(ANNA))
    assert team.as_identity(ANNA, "set", "prod/payments/db", "password=@value").code == 0
    team.edit(lambda store: store.update(signers=[named]))
    assert team.rune("verify").code == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        pytest.param(begin(root=False), "--issuer URL with --subject", id="nobody-is-accepted"),
        pytest.param(begin("--subject", ANNA, "--signing-key", "k"), "leave out --signing-key", id="a-key-beside-it"),
        pytest.param([*begin(root=False), "--subject", ANNA], "issuer: is missing", id="no-issuer"),
        pytest.param(begin("--subject-pattern", "**"), "subjectPattern", id="a-pattern-for-everybody"),
        pytest.param(begin("--subject", ANNA, "--subject-pattern", "a/**"), "is set beside", id="both-subjects"),
        pytest.param(
            [*begin("--subject", ANNA, root=False), "--trusted-root-file", "no.json"], "no.json", id="no-such-root"
        ),
    ],
)
def test_what_makes_no_sense_is_refused_before_anything_is_made(arguments: list[str], said: str, team: Team) -> None:
    refused = team.as_identity(ANNA, *arguments)
    assert refused.code in {2, 6}
    assert said in refused.err
    assert made_files() == []
    assert not Path("store").exists()
    assert team.server.requests == []


def test_a_trusted_root_that_proves_nobody_is_refused(team: Team) -> None:
    refused = team.rune(*begin())
    assert (refused.code, "no identity that it could prove" in refused.err) == (2, True)
    assert made_files() == []


def test_without_a_certificate_nothing_is_written(team: Team) -> None:
    team.server.refuse[CERTIFICATES] = 403
    refused = team.as_identity(ANNA, *begin("--subject", ANNA))
    assert (refused.code, "RUNE_SIGNING_KEY_MISSING" in refused.err) == (6, True)
    assert made_files() == []
    assert not Path("store").exists()
