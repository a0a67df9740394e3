"""Every value comes back exactly from each format, by a reader that isn't ours where there is one."""

import json
import re
import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rune.errors import RenderFailed
from rune.model.path import KeyName
from rune.mount.formats import Format, render_format

VALUES = {
    KeyName("A"): b"plain",
    KeyName("B"): b"it's",
    KeyName("C"): b'say "$HOME" `id` \\n',
    KeyName("D"): b"two\nlines",
    KeyName("E"): b"",
    KeyName("F"): "zürich € 😀".encode(),
    KeyName("G"): b"'\"$(id)\\",
    KeyName("H"): b"  leading and trailing  ",
}


def read_env(file: bytes, keys: list[str]) -> dict[str, bytes]:
    """A real shell's reading."""
    script = "set -a; . /dev/stdin; exec env -0"
    done = subprocess.run(
        ["/bin/sh", "-c", script], input=file, capture_output=True, check=True, env={"PATH": "/usr/bin:/bin"}
    )
    found = dict(line.split(b"=", 1) for line in done.stdout.split(b"\0") if line)
    return {key: found[key.encode()] for key in keys}


def read_properties(file: bytes) -> dict[str, str]:
    """java.util.Properties.load, for what is written without continuation lines."""
    found = {}
    for line in file.decode("ascii").splitlines():
        match = re.fullmatch(r"((?:[^\\=: ]|\\.)+)=(.*)", line)
        assert match, line
        found[unescape(match[1])] = unescape(match[2].lstrip(" "))
    return found


def unescape(text: str) -> str:
    names = {"t": "\t", "n": "\n", "r": "\r", "f": "\f"}
    units = re.sub(
        r"\\(u[0-9A-F]{4}|.)",
        lambda match: (
            chr(int(match[1][1:], 16)) if match[1][0] == "u" and len(match[1]) == 5 else names.get(match[1], match[1])
        ),
        text,
    )
    return units.encode("utf-16", "surrogatepass").decode("utf-16")


def test_json() -> None:
    file = render_format(Format.JSON, VALUES)
    assert json.loads(file) == {key: value.decode() for key, value in VALUES.items()}
    assert file.endswith(b"}\n")


def test_env_is_read_exactly_by_a_shell() -> None:
    assert read_env(render_format(Format.ENV, VALUES), list(VALUES)) == VALUES


def test_env_is_plain_where_it_can_be() -> None:
    assert render_format(Format.ENV, {KeyName("A"): b'$x "y"'}) == b"A='$x \"y\"'\n"


def test_properties() -> None:
    values = VALUES | {KeyName("db.user-name"): b"\t\r\f=:#!", KeyName("x"): b"#no comment"}
    assert read_properties(render_format(Format.PROPERTIES, values)) == {k: v.decode() for k, v in values.items()}


texts = st.text(alphabet=st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40)


@settings(max_examples=40, deadline=None)
@given(texts)
def test_any_text_survives(text: str) -> None:
    values = {KeyName("K"): text.encode()}
    assert json.loads(render_format(Format.JSON, values)) == {"K": text}
    assert read_properties(render_format(Format.PROPERTIES, values)) == {"K": text}
    assert read_env(render_format(Format.ENV, values), ["K"]) == {"K": text.encode()}


@pytest.mark.parametrize(
    ("chosen", "key", "value"),
    [
        pytest.param(Format.ENV, "tls.crt", b"x", id="env: no variable's name"),
        pytest.param(Format.ENV, "1A", b"x", id="env: begins with a digit"),
        pytest.param(Format.ENV, "A", b"s3cret\0", id="env: NUL"),
        pytest.param(Format.JSON, "A", b"s3cret\xff", id="json: not UTF-8"),
        pytest.param(Format.PROPERTIES, "A", b"s3cret\xff", id="properties: not UTF-8"),
    ],
)
def test_what_cannot_be_said_is_refused(chosen: Format, key: str, value: bytes) -> None:
    with pytest.raises(RenderFailed, match=re.escape(key)) as caught:
        render_format(chosen, {KeyName(key): value})
    assert "s3cret" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
