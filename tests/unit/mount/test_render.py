"""Values to files."""

import pytest

from rune.errors import InvalidParameter, RenderFailed, SizeExceeded
from rune.model.oci import digest_of
from rune.model.path import KeyName
from rune.mount.answer import MountedFile
from rune.mount.entry import Entry
from rune.mount.parameters import parse_objects
from rune.mount.render import NOTHING, Rendered, assemble, entry_version, render_entry

DIGEST = digest_of(b"manifest")


def entry(text: str) -> Entry:
    (parsed,) = parse_objects(text).entries
    return parsed


def files(text: str, values: dict[str, bytes]) -> dict[str, tuple[int, bytes]]:
    made = render_entry(entry(text), {KeyName(key): value for key, value in values.items()}, default_mode=0o644)
    return {file.path: (file.mode, file.contents) for file in made}


@pytest.mark.parametrize(
    ("text", "values", "made"),
    [
        pytest.param("- {path: a}", {"k": b"1", "j": b"2"}, {"k": (0o644, b"1"), "j": (0o644, b"2")}, id="all keys"),
        pytest.param("- {path: a, dir: d/e}", {"k": b"1"}, {"d/e/k": (0o644, b"1")}, id="all keys in a folder"),
        pytest.param("- {path: a, key: k, mode: '0400'}", {"k": b"\xff"}, {"k": (0o400, b"\xff")}, id="bytes and mode"),
        pytest.param(
            "- {path: a, key: k, encoding: base64}", {"k": b"/w\nA=\n"}, {"k": (0o644, b"\xff\x00")}, id="base64"
        ),
        pytest.param("- {path: a, key: k, encoding: hex}", {"k": b"FF00"}, {"k": (0o644, b"\xff\x00")}, id="hex"),
        pytest.param("- {path: a, key: k, jmesPath: x}", {"k": b'{"x":"y"}'}, {"k": (0o644, b"y")}, id="jmesPath"),
        pytest.param(
            "- {path: a, format: json, fileName: f}",
            {"b": b"2", "a": b"1"},
            {"f": (0o644, b'{"a":"1","b":"2"}\n')},
            id="format",
        ),
        pytest.param(
            "- {path: a, template: '${k|trim}!', fileName: f, encoding: base64}",
            {"k": b"IGE="},
            {"f": (0o644, b"a!")},
            id="template",
        ),
    ],
)
def test_rendered(text: str, values: dict[str, bytes], made: dict[str, tuple[int, bytes]]) -> None:
    assert files(text, values) == made


@pytest.mark.parametrize(
    ("text", "value"),
    [
        pytest.param("- {path: a, key: k, encoding: base64}", b"s3cret!", id="not base64"),
        pytest.param("- {path: a, key: k, encoding: base64}", b"s3cret", id="base64 without padding"),
        pytest.param("- {path: a, key: k, encoding: hex}", b"s3cret", id="not hex"),
        pytest.param("- {path: a, key: k, jmesPath: x}", b"s3cret", id="not JSON"),
        pytest.param("- {path: a, format: env, fileName: f}", b"s3cret\xff", id="not text"),
        pytest.param("- {path: a, template: '${nope}', fileName: f}", b"s3cret", id="unknown key"),
    ],
)
def test_a_value_that_does_not_suit_names_the_entry_only(text: str, value: bytes) -> None:
    with pytest.raises(RenderFailed, match=r"objects\[0\]") as caught:
        files(text, {"k": value})
    assert "s3cret" not in str(caught.value)
    assert caught.value.__suppress_context__


def test_versions_are_the_manifest_and_the_rendering() -> None:
    first = entry("- {path: a, key: k}")
    assert entry_version(first, DIGEST) == ("k", f"{DIGEST}-{first.fingerprint}")
    assert entry_version(entry("- {path: a, key: k, mode: '0400'}"), DIGEST) != entry_version(first, DIGEST)
    assert entry_version(first, None) == ("k", f"absent-{first.fingerprint}")


def test_all_optional_and_absent_still_empties_the_volume() -> None:
    answer = assemble([Rendered(entry("- {path: a, optional: true}"), None, ())])
    assert answer.files == (NOTHING,)
    assert len(answer.versions) == 1


def test_keys_of_two_secrets_may_not_meet_in_one_file() -> None:
    objects = parse_objects("- {path: a}\n- {path: b}").entries
    made = (MountedFile("k", 0o644, b""),)
    with pytest.raises(InvalidParameter, match=r"objects\[0\] and objects\[1\]"):
        assemble([Rendered(objects[0], DIGEST, made), Rendered(objects[1], DIGEST, made)])


@pytest.mark.parametrize(
    "made",
    [
        pytest.param([MountedFile(str(number), 0o644, b"") for number in range(2_000)], id="files"),
        pytest.param([MountedFile(str(number), 0o644, b"x" * 1_000_000) for number in range(4)], id="bytes"),
    ],
)
def test_the_answer_is_bounded(made: list[MountedFile]) -> None:
    with pytest.raises(SizeExceeded):
        assemble([Rendered(entry("- {path: a}"), DIGEST, tuple(made))])


def test_no_contents_in_a_repr() -> None:
    assert "s3cret" not in repr(
        assemble([Rendered(entry("- {path: a}"), DIGEST, (MountedFile("k", 0o644, b"s3cret"),))])
    )
