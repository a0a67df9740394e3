"""Whom a value is bound to, as people write it."""

import pytest

from rune.errors import InvalidInput
from rune.model.recipient import ANYONE, Recipient, keeps, parse_recipient
from rune.model.store import UNBOUND, Binding

CLUSTER, ACCOUNT, BOTH = Binding(cluster=True), Binding(audience=True), Binding(cluster=True, audience=True)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("payments/api", Recipient("payments", "api"), id="account"),
        pytest.param("east/payments/api", Recipient("payments", "api", "east"), id="account-in-a-cluster"),
        pytest.param("EU_1.prod/p-1/a.b-c", Recipient("p-1", "a.b-c", "EU_1.prod"), id="all-that-names-may-hold"),
    ],
)
def test_what_is_written_is_read(text: str, expected: Recipient) -> None:
    assert parse_recipient(text) == expected
    assert str(expected) == text
    assert expected.audience == f"{expected.namespace}/{expected.service_account}"
    assert expected.binding == Binding(cluster=bool(expected.cluster), audience=True)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="nothing"),
        pytest.param("payments", id="one-part"),
        pytest.param("a/b/c/d", id="four-parts"),
        pytest.param("/api", id="no-namespace"),
        pytest.param("payments/", id="no-account"),
        pytest.param("/payments/api", id="empty-cluster"),
        pytest.param("Payments/api", id="upper-case-namespace"),
        pytest.param("pay.ments/api", id="dot-in-a-namespace"),
        pytest.param(f"{'n' * 64}/api", id="long-namespace"),
        pytest.param("payments/api_1", id="underscore-in-an-account"),
        pytest.param("payments/api..x", id="empty-label"),
        pytest.param(f"payments/{'a' * 254}", id="long-account"),
        pytest.param("payments/*", id="a-pattern"),
        pytest.param("payments/api\n", id="line-end"),
        pytest.param("p\u0430yments/api", id="look-alike"),
    ],
)
def test_what_names_nobody_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match="--for"):
        parse_recipient(text)


def test_anyone_is_unbound() -> None:
    assert (str(ANYONE), ANYONE.audience, ANYONE.binding) == ("", "", UNBOUND)


@pytest.mark.parametrize(
    ("before", "after", "kept"),
    [
        pytest.param(UNBOUND, UNBOUND, True, id="never-bound"),
        pytest.param(UNBOUND, BOTH, True, id="bound-now"),
        pytest.param(ACCOUNT, ACCOUNT, True, id="as-before"),
        pytest.param(ACCOUNT, BOTH, True, id="narrower"),
        pytest.param(ACCOUNT, UNBOUND, False, id="open-to-all"),
        pytest.param(ACCOUNT, CLUSTER, False, id="to-the-cluster-alone"),
        pytest.param(BOTH, ACCOUNT, False, id="to-other-clusters"),
        pytest.param(CLUSTER, UNBOUND, False, id="cluster-lost"),
    ],
)
def test_what_keeps_a_binding(before: Binding, after: Binding, kept: bool) -> None:
    assert keeps(before, after) is kept
