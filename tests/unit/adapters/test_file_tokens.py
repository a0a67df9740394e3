"""Identities of a machine without Kubernetes."""

import hashlib
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from rune.adapters.file_tokens import FileTokens
from rune.errors import InvalidConfig, TokenRejected
from rune.model.clock import Deadline, SystemClock

CLOCK = SystemClock()
TOKEN = "a token for the test"


def write(path: Path, *, token: str = TOKEN, expires: datetime | None = None) -> None:
    moment = expires or datetime.now(UTC) + timedelta(hours=1)
    path.write_text(
        f"identities:\n  - tokenSHA256: {hashlib.sha256(token.encode()).hexdigest()}\n"
        "    namespace: payments\n    serviceAccount: api\n    podName: api-0\n    podUID: u-1\n"
        f"    audiences: [rune]\n    expires: '{moment.isoformat()}'\n"
    )


def ask(path: Path, token: str = TOKEN, audience: str = "rune") -> str:
    identity = FileTokens(path, CLOCK).authenticate(token, [audience], deadline=Deadline.after(5, CLOCK))
    return f"{identity.namespace}/{identity.service_account} {identity.pod_name} {identity.pod_uid}"


def test_a_known_token_names_its_pod(tmp_path: Path) -> None:
    write(tmp_path / "identities.yaml")
    assert ask(tmp_path / "identities.yaml") == "payments/api api-0 u-1"


def test_it_is_read_anew_at_every_question(tmp_path: Path) -> None:
    tokens = FileTokens(tmp_path / "identities.yaml", CLOCK)
    deadline = Deadline.after(5, CLOCK)
    with pytest.raises(TokenRejected):
        tokens.authenticate(TOKEN, ["rune"], deadline=deadline)
    write(tmp_path / "identities.yaml")
    assert tokens.authenticate(TOKEN, ["rune"], deadline=deadline).namespace == "payments"


@pytest.mark.parametrize(
    ("token", "audience", "age", "says"),
    [
        pytest.param("another", "rune", -1, "nobody has this token", id="unknown"),
        pytest.param(TOKEN, "vault", -1, "another audience", id="wrong-audience"),
        pytest.param(TOKEN, "rune", 1, "has expired", id="expired"),
        pytest.param("", "rune", -1, "nobody has this token", id="empty"),
    ],
)
def test_everything_else_is_rejected_without_the_token_in_the_text(
    token: str, audience: str, age: int, says: str, tmp_path: Path
) -> None:
    write(tmp_path / "identities.yaml", expires=datetime.now(UTC) - timedelta(hours=age))
    with pytest.raises(TokenRejected, match=says) as caught:
        ask(tmp_path / "identities.yaml", token, audience)
    assert not token or token not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        pytest.param("identities: {}", "identities", id="not-a-list"),
        pytest.param("identities: [{namespace: a}]", "tokenSHA256", id="fields-missing"),
        pytest.param("identities: [{expires: '2026-01-01T00:00:00'}]", "zone", id="time-without-zone"),
    ],
)
def test_a_broken_file_is_named(text: str, says: str, tmp_path: Path) -> None:
    (tmp_path / "identities.yaml").write_text(text)
    with pytest.raises(InvalidConfig, match=says):
        ask(tmp_path / "identities.yaml")
