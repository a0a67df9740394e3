"""The secret's manifest: its pinned bytes, every way to bend it, and what is carried inline."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from rune.errors import DigestMismatch, FormatInvalid, InvalidInput, InvalidKey, InvalidValue
from rune.model.limits import FORMAT, KIB
from rune.model.oci import digest_of
from rune.model.path import KeyName, parse_key
from rune.model.store import Binding, SealedValue, Secret
from rune.snapshot import codec
from tests.fakes.signing import sealed_secret
from tests.unit.snapshot.bending import Document, bend, layer, layer_note

SECRET = sealed_secret({"password": b"one", "user": b"two"}, binding=Binding(cluster=True))
SECRET_DATA = codec.encode_secret(SECRET)


def test_secret_bytes_are_pinned() -> None:
    key = parse_key("password")
    value = SealedValue(key, "payments", codec.describe_value(b"sealed"), Binding(cluster=True, audience=True))
    assert codec.encode_secret(Secret({key: value})).decode() == (
        '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json",'
        '"artifactType":"application/vnd.rune.secret.v1",'
        '"config":{"mediaType":"application/vnd.oci.empty.v1+json",'
        '"digest":"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a","size":2,"data":"e30="},'
        '"layers":[{"mediaType":"application/vnd.rune.value.v1",'
        f'"digest":"{digest_of(b"sealed")}","size":6,'
        '"annotations":{"io.rune.bound":"cluster,audience","io.rune.keyset":"payments",'
        '"org.opencontainers.image.title":"password"},"data":"c2VhbGVk"}]}'
    )


BENT_SECRETS = [
    pytest.param(lambda d: d["layers"].clear(), id="no-keys"),
    pytest.param(lambda d: d["layers"].reverse(), id="order-of-keys"),
    pytest.param(lambda d: d["layers"].append(d["layers"][-1]), id="key-twice"),
    pytest.param(lambda d: d["config"].pop("data"), id="config-not-inline"),
    pytest.param(lambda d: d["config"].update(mediaType="application/json"), id="config-of-another-type"),
    pytest.param(lambda d: d.update(annotations={"a": "b"}), id="annotated"),
    pytest.param(layer(0, mediaType="application/octet-stream"), id="media-type"),
    pytest.param(layer(0, data="dGVu"), id="inline-of-another-content"),
    pytest.param(layer(0, data="b25l\n"), id="base64-with-newline"),
    pytest.param(layer(0, data="b25"), id="base64-without-padding"),
    pytest.param(layer(0, size=4), id="inline-of-another-size"),
    pytest.param(layer_note(0, title=".."), id="key-leaves"),
    pytest.param(layer_note(0, title="a/b"), id="key-with-slash"),
    pytest.param(layer_note(0, keyset=""), id="no-keyset"),
    pytest.param(layer_note(0, keyset="../x"), id="keyset-leaves"),
    pytest.param(layer_note(0, bound="audience,cluster"), id="bound-in-another-order"),
    pytest.param(layer_note(0, bound="namespace"), id="bound-to-the-unknown"),
    pytest.param(layer_note(1, bound=""), id="bound-empty"),
    pytest.param(layer_note(0, **{"io.rune.length": "3"}), id="unknown-annotation"),
]


@pytest.mark.parametrize("change", BENT_SECRETS)
def test_secret_that_is_bent_is_refused(change: Callable[[Document], object]) -> None:
    with pytest.raises((FormatInvalid, DigestMismatch)):
        codec.decode_secret(bend(SECRET_DATA, change))


def _value(key: str, size: int, *, keyset: str = "main", data: bool = False) -> SealedValue:
    content = codec.describe_value(b"x" * size)
    return SealedValue(KeyName(key), keyset, content if data else replace(content, data=None))


@pytest.mark.parametrize(
    ("values", "error"),
    [
        pytest.param([], InvalidValue, id="no-keys"),
        pytest.param([_value("..", 1)], InvalidKey, id="key"),
        pytest.param([_value("a", 1, keyset="A B")], InvalidValue, id="keyset"),
        pytest.param([_value("a", 0)], InvalidValue, id="empty-ciphertext"),
        pytest.param([_value("a", FORMAT.ciphertext_bytes + 1)], InvalidValue, id="value-too-large"),
        pytest.param([_value("a", 700 * KIB), _value("b", 700 * KIB)], InvalidValue, id="too-large-together"),
        pytest.param([_value("a", 16 * KIB + 1, data=True)], InvalidValue, id="too-large-inline"),
        pytest.param([_value(f"k{n}", 16 * KIB, data=True) for n in range(33)], InvalidValue, id="too-much-inline"),
        pytest.param([_value(f"k{n}", 1) for n in range(513)], InvalidValue, id="too-many-keys"),
    ],
)
def test_secret_that_breaks_a_rule_is_not_written(values: list[SealedValue], error: type[InvalidInput]) -> None:
    with pytest.raises(error):
        codec.encode_secret(Secret({value.key: value for value in values}))


def test_the_value_of_another_key_is_not_written() -> None:
    with pytest.raises(InvalidValue, match="another key"):
        codec.encode_secret(Secret({KeyName("a"): _value("b", 1)}))


def test_the_largest_secret_is_written_and_read() -> None:
    values = [_value(f"k{number:03}", 2_048, data=True) for number in range(512)]
    secret = Secret(codec.inline(values))
    assert codec.decode_secret(codec.encode_secret(secret)) == secret


def test_inline_takes_small_values_in_key_order_while_there_is_room() -> None:
    values = [_value(f"k{number:02}", 16 * KIB, data=True) for number in range(40)]
    values += [_value("a-large-one", 16 * KIB + 1, data=True), _value("z-small", 1, data=True)]
    found = codec.inline(reversed(values))
    carried = [key for key, value in found.items() if value.content.data is not None]
    assert list(found) == sorted(found)
    assert carried == [f"k{number:02}" for number in range(32)]


def test_inline_never_needs_what_isnt_at_hand() -> None:
    found = codec.inline([_value("a", 10), _value("b", 10, data=True)])
    assert [value.content.data is None for value in found.values()] == [True, False]
    codec.encode_secret(Secret(found))
