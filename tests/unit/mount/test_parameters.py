"""What a SecretProviderClass may say."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rune.errors import InvalidParameter
from rune.model.bounded_yaml import dump_yaml
from rune.model.spec import StoreName
from rune.mount.entry import Encoding, Entry, EveryKey, Formatted, OneKey, Templated
from rune.mount.formats import Format
from rune.mount.parameters import ParameterParser, parse_objects


def one(text: str) -> Entry:
    (entry,) = parse_objects(text).entries
    return entry


def test_every_key_is_the_default() -> None:
    entry = one("- path: prod/db")
    assert entry.rendering == EveryKey("")
    assert (entry.path, entry.key, entry.mode, entry.optional, entry.pin) == ("prod/db", None, None, False, None)
    assert entry.encoding is Encoding.UTF8
    assert entry.version_id == "prod/db:./*"


@pytest.mark.parametrize(
    ("text", "rendering"),
    [
        pytest.param("- {path: a, dir: certs/}", EveryKey("certs"), id="dir"),
        pytest.param("- {path: a, dir: .}", EveryKey(""), id="dir is the mount"),
        pytest.param("- {path: a, key: k}", OneKey("k", "k"), id="key names the file"),  # type: ignore[arg-type]  # a checked name, literally
        pytest.param("- {path: a, key: k, fileName: x/y}", OneKey("k", "x/y"), id="fileName"),  # type: ignore[arg-type]  # a checked name, literally
        pytest.param("- {path: a, format: env, fileName: .env}", Formatted(".env", Format.ENV), id="format"),
    ],
)
def test_renderings(text: str, rendering: object) -> None:
    assert one(text).rendering == rendering


def test_a_full_entry() -> None:
    entry = one(
        '- {path: a, key: k, fileName: f, mode: "0400", encoding: base64, jmesPath: x.y, optional: true, snapshot: 7}'
    )
    assert isinstance(entry.rendering, OneKey)
    assert entry.rendering.query is not None
    assert entry.rendering.query.text == "x.y"
    assert (entry.key, entry.mode, entry.encoding, entry.optional, entry.pin) == ("k", 0o400, Encoding.BASE64, True, 7)
    assert entry.version_id == "f"


def test_a_template() -> None:
    rendering = one("- {path: a, fileName: dsn, template: 'x://${user}'}").rendering
    assert isinstance(rendering, Templated)
    assert rendering.template.render({"user": b"u"}) == b"x://u"  # type: ignore[dict-item]  # a checked name, literally


@pytest.mark.parametrize(
    ("text", "named"),
    [
        pytest.param("", "objects must be a YAML list", id="empty"),
        pytest.param("path: a", "objects must be a YAML list", id="a mapping"),
        pytest.param("[]", "objects must be a YAML list", id="no entry"),
        pytest.param("- a", "objects[0]", id="an entry that is text"),
        pytest.param("- {path: a}\n- {key: k}", "objects[1].path", id="no path"),
        pytest.param("- {path: ''}", "objects[0].path", id="empty path"),
        pytest.param("- {path: /a}", "objects[0].path", id="path begins with a slash"),
        pytest.param("- {path: a/../b}", "objects[0].path", id="dots in a path"),
        pytest.param("- {path: 'a/*'}", "objects[0].path", id="a pattern"),
        pytest.param("- {path: 3}", "objects[0].path", id="a number"),
        pytest.param("- {path: a, filename: f}", "objects[0].filename", id="unknown field"),
        pytest.param("- {path: a, key: ''}", "objects[0].key", id="empty key"),
        pytest.param("- {path: a, key: a b}", "objects[0].key", id="bad key"),
        pytest.param("- {path: a, key: k, format: json, fileName: f}", "objects[0].format", id="key and format"),
        pytest.param("- {path: a, key: k, template: t}", "objects[0].template", id="key and template"),
        pytest.param("- {path: a, format: json, template: t, fileName: f}", "objects[0].template", id="two kinds"),
        pytest.param("- {path: a, format: json}", "objects[0].fileName", id="format needs a file"),
        pytest.param("- {path: a, template: t}", "objects[0].fileName", id="template needs a file"),
        pytest.param("- {path: a, fileName: f}", "objects[0].fileName", id="fileName for all keys"),
        pytest.param("- {path: a, key: k, dir: d}", "objects[0].dir", id="dir for one key"),
        pytest.param("- {path: a, key: k, fileName: ../f}", "objects[0].fileName", id="leaves the mount"),
        pytest.param("- {path: a, dir: /d}", "objects[0].dir", id="absolute dir"),
        pytest.param("- {path: a, key: k, mode: 0400}", "objects[0].mode", id="mode as YAML's octal"),
        pytest.param("- {path: a, key: k, mode: 400}", "objects[0].mode", id="mode as a number"),
        pytest.param("- {path: a, key: k, mode: '0900'}", "objects[0].mode", id="mode not octal"),
        pytest.param("- {path: a, key: k, mode: '4755'}", "objects[0].mode", id="setuid"),
        pytest.param("- {path: a, encoding: rot13}", "objects[0].encoding", id="encoding"),
        pytest.param("- {path: a, format: xml, fileName: f}", "objects[0].format", id="format"),
        pytest.param("- {path: a, jmesPath: x}", "objects[0].jmesPath", id="jmesPath without a key"),
        pytest.param("- {path: a, key: k, jmesPath: '[@,@]'}", "objects[0].jmesPath", id="jmesPath builds"),
        pytest.param("- {path: a, fileName: f, template: '$x'}", "objects[0].template", id="template"),
        pytest.param("- {path: a, optional: 'yes'}", "objects[0].optional", id="optional as text"),
        pytest.param("- {path: a, snapshot: 0}", "objects[0].snapshot", id="revision 0"),
        pytest.param("- {path: a, snapshot: true}", "objects[0].snapshot", id="revision true"),
        pytest.param("- {path: a, snapshot: null}", "objects[0].snapshot", id="revision null"),
        pytest.param("- {path: a, key: k}\n- {path: b, key: k}", "objects[1]", id="two entries, one file"),
        pytest.param(
            "- {path: a, key: k, fileName: x}\n- {path: a, key: j, fileName: ./x}", "'x'", id="after normalising"
        ),
        pytest.param(
            "- {path: a, key: k, fileName: x}\n- {path: a, key: j, fileName: x/y}", "folder", id="file and folder"
        ),
        pytest.param("- {path: a}\n- {path: a, dir: .}", "same keys", id="the same keys twice"),
        pytest.param("- {path: a", "objects is not valid YAML", id="broken YAML"),
        pytest.param("- &x {path: a}\n- *x", "anchors", id="alias"),
        pytest.param("- {path: a}\n" * 300, "1 to 256", id="too many"),
        pytest.param("#" * 70_000, "70000", id="too large"),
    ],
)
def test_refused(text: str, named: str) -> None:
    with pytest.raises(InvalidParameter) as caught:
        parse_objects(text)
    assert named in str(caught.value)
    assert caught.value.mend


def test_up_to_five_problems_then_a_count() -> None:
    with pytest.raises(InvalidParameter) as caught:
        parse_objects("- {}\n" * 8)
    assert "objects[4].path" in str(caught.value)
    assert "objects[5].path" not in str(caught.value)
    assert "and 3 more" in str(caught.value)


@pytest.mark.parametrize(
    ("parameters", "name"),
    [
        pytest.param({"store": "main"}, StoreName("main", "payments"), id="of the pod's namespace"),
        pytest.param({"clusterStore": "shared"}, StoreName("shared", None), id="of the cluster"),
    ],
)
def test_store(parameters: dict[str, str], name: StoreName) -> None:
    parsed = ParameterParser().parse(parameters | {"objects": "- path: a"}, namespace="payments")
    assert parsed.store == name
    assert dict(parsed.in_effect)["objects"] == "- path: a"
    assert dict(parsed.in_effect)["objectsDigest"].startswith("sha256:")


@pytest.mark.parametrize(
    "parameters",
    [
        pytest.param({}, id="none"),
        pytest.param({"store": ""}, id="empty"),
        pytest.param({"store": "a", "clusterStore": "b"}, id="both"),
        pytest.param({"store": "other/main"}, id="another namespace"),
        pytest.param({"store": "Main"}, id="capitals"),
        pytest.param({"store": "main", "Store": "main"}, id="names are case-sensitive"),
        pytest.param({"store": "main", "vaultStore": "x", "object": "y"}, id="another provider's"),
    ],
)
def test_store_refused(parameters: dict[str, str]) -> None:
    with pytest.raises(InvalidParameter, match="tore"):
        ParameterParser().parse(parameters | {"objects": "- path: a"}, namespace="payments")


def test_the_parsed_form_is_remembered_by_text_alone() -> None:
    parser = ParameterParser()
    first = parser.parse({"store": "a", "objects": "- path: a"}, namespace="x")
    second = parser.parse({"store": "b", "objects": "- path: a"}, namespace="y")
    third = parser.parse({"store": "b", "objects": "- path: b"}, namespace="y")
    assert first.objects is second.objects
    assert first.store != second.store
    assert third.objects is not second.objects


def test_the_fingerprint_follows_what_was_written() -> None:
    fingerprints = {one(f"- {{path: a, key: k, {more}}}").fingerprint for more in ("", "mode: '0400'", "fileName: f")}
    assert len(fingerprints) == 3
    assert one("- {path: a, key: k}").fingerprint == one("- {key: k, path: a}").fingerprint


plain = st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=8))


@given(
    st.lists(
        st.dictionaries(st.sampled_from(["path", "key", "fileName", "dir", "mode", "format", "template", "x"]), plain)
    )
)
def test_anything_parses_or_is_refused(entries: list[dict[str, str | int | bool | None]]) -> None:
    try:
        parsed = parse_objects(dump_yaml([dict(entry) for entry in entries]))
    except InvalidParameter:
        return
    assert len(parsed.entries) == len(entries)
