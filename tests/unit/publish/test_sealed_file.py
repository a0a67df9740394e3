"""The bytes of a sealed file: one form, and nothing else is read."""

import json
from datetime import UTC, datetime
from types import MappingProxyType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rune.errors import InvalidInput, InvalidSealedFile
from rune.model.bounded_yaml import load_yaml
from rune.model.limits import FORMAT, SEALED
from rune.model.oci import digest_of
from rune.model.path import KeyName, SecretPath
from rune.model.recipient import ANYONE, Recipient
from rune.model.sealed import SealedFile, SealedKey
from rune.publish.sealed_file import decode_sealed, encode_sealed

STORE = "a0" * 16
MADE = datetime(2026, 11, 21, 7, 0, 0, tzinfo=UTC)
OLD = digest_of(b"old")
API = Recipient("payments", "api")


def key_of(name: str, ciphertext: bytes, *, recipient: Recipient = ANYONE) -> SealedKey:
    return SealedKey(KeyName(name), "default", MADE, (OLD, None), ciphertext, recipient)


def file_of(*keys: SealedKey, path: str = "prod/db", store_id: str = STORE) -> SealedFile:
    return SealedFile(store_id, SecretPath(path), MappingProxyType({key.key: key for key in keys}))


FILE = file_of(key_of("password", b"\x01sealed" * 12, recipient=API), key_of("user", b"\x01other" * 12))
GOOD = encode_sealed(FILE)


def refusal(data: bytes) -> str:
    with pytest.raises(InvalidSealedFile) as caught:
        decode_sealed(data, what="db.yaml")
    assert "db.yaml" in caught.value.what
    assert caught.value.mend
    return str(caught.value)


def test_the_form_is_pinned() -> None:
    assert encode_sealed(file_of(key_of("password", b"\x01sealed" * 12, recipient=API))).decode() == (
        "# Made by `rune seal`. Safe in Git: only pods that may mount it can read it. `rune put --sealed` commits it.\n"
        "format: rune.sealed.v1\n"
        "store: a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0\n"
        "path: prod/db\n"
        "keys:\n"
        "  password:\n"
        '    created: "2026-11-21T07:00:00Z"\n'
        "    for: payments/api\n"
        "    keyset: default\n"
        "    replaces:\n"
        "      - sha256:cba06b5736faf67e54b07b561eae94395e774c517a7d910a54369e1263ccfbd4\n"
        "      - none\n"
        "    digest: sha256:ba2cc4f2328421989e2bb38ce39f9ba7efe23d5d549289c0159d985481aa304b\n"
        '    check: "4d3131aa6c25dac6"\n'
        "    ciphertext: |\n"
        "      AXNlYWxlZAFzZWFsZWQBc2VhbGVkAXNlYWxlZAFzZWFsZWQBc2VhbGVkAXNlYWxlZAFzZWFsZWQB\n"
        "      c2VhbGVkAXNlYWxlZAFzZWFsZWQBc2VhbGVk\n"
    )


NAMES = st.text("abyYnNoesEfF019._-", min_size=1, max_size=12).filter(
    lambda name: name != "." and not name.startswith("..")
) | st.sampled_from(
    ["yes", "No", "on", "OFF", "y", "null", "true", "1e3", "0x1f", ".inf", "1_000", "-", "--", "-1", "_"]
)
SEGMENTS = st.from_regex(r"\A[A-Za-z0-9_][A-Za-z0-9_.-]{0,8}\Z") | st.sampled_from(["yes", "null", "12", "1e5", "true"])
DIGESTS = st.binary(max_size=4).map(digest_of)
RECIPIENTS = st.sampled_from([ANYONE, API, Recipient("on", "no", "1"), Recipient("1", "2")])


@st.composite
def sealed_keys(draw: st.DrawFn) -> SealedKey:
    return SealedKey(
        key=KeyName(draw(NAMES)),
        keyset=draw(st.sampled_from(["default", "null", "0x1f", "no", "12", "a.b-c"])),
        created=draw(st.datetimes(datetime(1990, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))).replace(  # noqa: DTZ001 - hypothesis adds UTC
            microsecond=0
        ),
        replaces=tuple(draw(st.lists(st.none() | DIGESTS, min_size=1, max_size=SEALED.replaces, unique=True))),
        ciphertext=draw(st.binary(min_size=1, max_size=300)),
        recipient=draw(RECIPIENTS),
    )


@st.composite
def sealed_files(draw: st.DrawFn) -> SealedFile:
    keys = draw(st.lists(sealed_keys(), min_size=1, max_size=3, unique_by=lambda key: key.key))
    path = "/".join(draw(st.lists(SEGMENTS, min_size=1, max_size=3)))
    store_id = draw(st.from_regex(r"\A[a-z0-9][a-z0-9-]{7,20}\Z") | st.just("12345678") | st.just("1e345678"))
    return file_of(*sorted(keys, key=lambda key: key.key), path=path, store_id=store_id)


@given(sealed_files())
def test_what_is_written_is_read(file: SealedFile) -> None:
    data = encode_sealed(file)
    assert decode_sealed(data, what="db.yaml") == file
    assert encode_sealed(decode_sealed(data, what="db.yaml")) == data


@given(sealed_files())
def test_other_readers_of_yaml_see_only_texts(file: SealedFile) -> None:
    document = load_yaml(encode_sealed(file), what="it", max_bytes=SEALED.file_bytes)
    assert isinstance(document, dict)
    assert (document["store"], document["path"]) == (file.store_id, file.path)
    assert isinstance(document["keys"], dict)
    assert document["keys"].keys() == file.keys.keys()


def test_the_order_of_the_keys_does_not_matter() -> None:
    assert encode_sealed(file_of(*reversed(tuple(FILE.keys.values())))) == GOOD


def test_sealing_one_key_changes_only_its_lines() -> None:
    after = encode_sealed(FILE.having(key_of("user", b"\x01newer" * 12))).decode().splitlines()
    start = GOOD.decode().splitlines().index("  user:")
    assert after[:start] == GOOD.decode().splitlines()[:start]
    assert after[start:] != GOOD.decode().splitlines()[start:]


def test_lines_are_short_and_a_large_value_fits() -> None:
    data = encode_sealed(file_of(key_of("blob", b"\x01" * FORMAT.ciphertext_bytes)))
    assert max(map(len, data.splitlines())) <= 120
    assert decode_sealed(data, what="db.yaml").keys[KeyName("blob")].digest == digest_of(
        b"\x01" * FORMAT.ciphertext_bytes
    )


@given(st.integers(0, len(GOOD) - 1), st.integers(1, 255))
def test_a_single_altered_byte_is_always_noticed(at: int, flip: int) -> None:
    refusal(GOOD[:at] + bytes([GOOD[at] ^ flip]) + GOOD[at + 1 :])


@pytest.mark.parametrize("cut", [1, 20, 100, 300, 500, len(GOOD) - 20])
def test_a_cut_file_is_refused(cut: int) -> None:
    refusal(GOOD[:-cut])


@pytest.mark.parametrize(
    ("before", "after", "reason"),
    [
        pytest.param("path: prod/db", "path: prod/dc", "keys.password.check", id="another-path"),
        pytest.param(f"store: {STORE}", f"store: {'b0' * 16}", "keys.password.check", id="another-store"),
        pytest.param("  password:", "  passwore:", "keys.passwore.check", id="another-key"),
        pytest.param("for: payments/api", "for: payments/job", "keys.password.check", id="another-account"),
        pytest.param("    for: payments/api\n", "", "keys.password.check", id="for-anyone"),
        pytest.param("for: payments/api", "for: east/payments/api", "keys.password.check", id="in-a-cluster"),
        pytest.param("for: payments/api", "for: payments", "keys.password.for", id="for-nobody"),
        pytest.param("for: payments/api", "for: ''", "keys.password.for", id="for-nothing"),
        pytest.param("keyset: default", "keyset: other", "keys.password.check", id="another-keyset"),
        pytest.param(OLD, digest_of(b"x"), "keys.password.check", id="replaces-something-else"),
        pytest.param("      - none\n", "", "keys.password.check", id="replaces-less"),
        pytest.param("      - none\n", "      - nothing\n", "keys.password.replaces[1]", id="replaces-nonsense"),
        pytest.param("      - none\n", f"      - {OLD}\n", "stands twice", id="replaces-one-twice"),
        pytest.param(
            "      - none\n",
            "".join(f"      - {digest_of(bytes([n]))}\n" for n in range(SEALED.replaces)),
            "keep it to 4",
            id="replaces-too-much",
        ),
        pytest.param("2026-11-21T07:00:00Z", "2026-11-21T07:00:01Z", "keys.password.check", id="another-time"),
        pytest.param("2026-11-21T07:00:00Z", "2026-13-21T07:00:00Z", "keys.password.created", id="no-such-time"),
        pytest.param("AXNlYWxlZA", "AXNlYWxlZB", "keys.password.digest", id="another-ciphertext"),
        pytest.param("AXNlYWxlZA", "AXNl*WxlZA", "keys.password.ciphertext", id="no-base64"),
        pytest.param("format: rune.sealed.v1", "format: rune.sealed.v2", "use a newer Rune", id="a-later-format"),
        pytest.param("format: rune.sealed.v1\n", "", "format: is missing", id="no-format"),
        pytest.param("keyset: default", "keyset: Default", "keys.password.check", id="a-malformed-keyset"),
        pytest.param("path: prod/db", "path: ../db", "path", id="a-malformed-path"),
        pytest.param("  password:", "  ..password:", "key", id="a-malformed-key"),
        pytest.param("  user:", "  password:", "twice", id="a-key-twice"),
        pytest.param("    created", "    extra: 1\n    created", "extra", id="an-unknown-field"),
        pytest.param("keys:\n", "more: 1\nkeys:\n", "more", id="an-unknown-section"),
        pytest.param("path: prod/db\n", "path: prod/db\n\n", "line 5", id="an-empty-line"),
        pytest.param("path: prod/db", "path:  prod/db", "line 4", id="a-space"),
        pytest.param("path: prod/db", "path: 'prod/db'", "line 4", id="quotes"),
        pytest.param("# Made", "# Mode", "line 1", id="another-heading"),
        pytest.param("ciphertext: |", "ciphertext: |-", "line 15", id="another-block"),
        pytest.param("\n", "\r\n", "eol=lf", id="line-ends-of-windows"),
        pytest.param("path: prod/db", "<<<<<<< HEAD\npath: prod/db", "YAML", id="an-unfinished-merge"),
        pytest.param("keys:", "keys: &a", "anchors", id="an-anchor"),
        pytest.param("path: prod/db", "path: !!str prod/db", "line 4", id="a-tag"),
        pytest.param("store: a0", "---\nstore: a0", "documents", id="two-documents"),
    ],
)
def test_what_was_edited_is_refused_with_its_place(before: str, after: str, reason: str) -> None:
    text = GOOD.decode()
    assert before in text
    # Only what comes first, but for line ends.
    assert reason in refusal(text.replace(before, after, -1 if before == "\n" else 1).encode())


def test_a_path_of_its_own_or_no_keys() -> None:
    head = GOOD.decode().partition("keys:")[0]
    assert "keys: has no entries" in refusal(f"{head}keys: {{}}\n".encode())
    assert "keys: " in refusal(f"{head}keys: []\n".encode())
    assert "is not a mapping" in refusal(f"{head}keys: {{a: 1}}\n".encode())


def test_too_much_is_refused_before_it_is_parsed() -> None:
    assert "bytes" in refusal(GOOD + b"#" * SEALED.file_bytes)
    with pytest.raises(InvalidInput):
        encode_sealed(file_of(key_of("blob", b"\x01" * (FORMAT.ciphertext_bytes + 1))))
    with pytest.raises(InvalidSealedFile):
        encode_sealed(file_of(*(key_of(f"k{number}", b"\x01") for number in range(FORMAT.keys_per_secret + 1))))
    with pytest.raises(InvalidSealedFile):
        encode_sealed(file_of())


@given(st.binary(max_size=400) | st.text(max_size=400).map(str.encode))
def test_anything_else_is_refused_and_nothing_else_is_raised(data: bytes) -> None:
    refusal(data)


LEAVES = st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.sampled_from(["none", OLD, "default"])
VALUES = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(NAMES, inner, max_size=2))
FIELDS = ("created", "for", "keyset", "replaces", "digest", "check", "ciphertext", "other")


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "format": st.just("rune.sealed.v1") | VALUES,
            "store": st.just(STORE) | VALUES,
            "path": st.just("prod/db") | VALUES,
            "keys": st.dictionaries(NAMES, st.dictionaries(st.sampled_from(FIELDS), VALUES, max_size=6), max_size=2)
            | VALUES,
        },
    )
)
def test_fields_of_any_type_are_refused_and_nothing_else_is_raised(document: dict[str, object]) -> None:
    refusal(json.dumps(document).encode())


def test_no_ciphertext_in_a_repr_or_a_message() -> None:
    assert "sealed" not in repr(FILE)
    text = GOOD.decode().replace("AXNlYWxlZA", "AXNl*WxlZA", 1)
    assert "WxlZA" not in refusal(text.encode())
