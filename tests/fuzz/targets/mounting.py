"""What the author of a pod writes, and what the driver adds: the request, its parameters, templates, queries."""

import json
import posixpath
from dataclasses import replace

from rune.errors import InvalidParameter, InvalidRequest, RenderFailed, TokenMissing
from rune.model.limits import KIB, MOUNT
from rune.model.path import KeyName
from rune.mount.entry import EveryKey
from rune.mount.formats import Format, render_format
from rune.mount.names import parse_name
from rune.mount.parameters import ParameterParser, parse_objects
from rune.mount.queries import parse_query
from rune.mount.request import RawMount, parse_request
from rune.mount.templates import parse_template
from tests.fuzz.target import Target, as_text, parts

_TOKENS = "csi.storage.k8s.io/serviceAccount.tokens"
_ATTRIBUTES = {
    "csi.storage.k8s.io/pod.name": "api-0",
    "csi.storage.k8s.io/pod.namespace": "payments",
    "csi.storage.k8s.io/pod.uid": "7b1e6c1e-0000-4000-8000-000000000001",
    "csi.storage.k8s.io/serviceAccount.name": "api",
}


def _objects(data: bytes) -> None:
    found = parse_objects(as_text(data))
    assert 0 < len(found.entries) <= MOUNT.entries
    for entry in found.entries:
        file = entry.rendering.folder if isinstance(entry.rendering, EveryKey) else entry.rendering.file
        _check_inside(file)
        assert entry.mode is None or 0 <= entry.mode <= 0o777
        assert entry.version_id


def _file_name(data: bytes) -> None:
    name = parse_name(as_text(data), field="fileName", empty=True)
    _check_inside(name)
    assert parse_name(name, field="fileName", empty=True) == name


def _check_inside(name: str) -> None:
    """By an independent reading of the name, it can't leave the mount, nor touch the driver's own folders."""
    assert posixpath.normpath(posixpath.join("/mount", name)).startswith("/mount")
    assert not name.startswith(("..", "/"))
    assert "\0" not in name


def _request(data: bytes) -> None:
    attributes, secrets, permission = (as_text(part) for part in parts(data, 3))
    request = parse_request(RawMount(attributes, secrets, permission))
    assert not any(name.startswith("csi.storage.k8s.io/") for name in request.parameters)
    assert 0 <= request.default_mode <= 0o777
    assert all(len(token) <= MOUNT.token_bytes for token in request.tokens.values())
    assert repr(replace(request, tokens={})) == repr(request), "its text depends on its tokens"
    request.token_for(["rune"])


def _tokens(data: bytes) -> None:
    attributes = json.dumps({**_ATTRIBUTES, _TOKENS: data.decode("utf-8", "replace")})
    parse_request(RawMount(attributes, "", "420")).token_for(["rune", "vault"])


def _parameters(data: bytes) -> None:
    names = ("store", "clusterStore", "objects", "extra")
    given = {name: as_text(text) for name, text in zip(names, parts(data, 4), strict=True) if text}
    found = ParameterParser().parse(given, namespace="payments")
    assert found.store.namespace in ("payments", None)
    assert sum(len(text) for _, text in found.in_effect) < 2 * KIB


def _template(data: bytes) -> None:
    text, value = parts(data, 2)
    template = parse_template(as_text(text), field="template")
    rendered = template.render({KeyName("a"): value, KeyName("b"): b"x"})
    assert len(rendered) <= MOUNT.rendered_bytes
    if b"$" not in text:
        assert rendered == text


def _jmespath(data: bytes) -> None:
    expression, value = parts(data, 2)
    selected = parse_query(as_text(expression), field="jmesPath").select(value)
    # It selects, and builds nothing: no more comes out than went in, but for the spelling of one value.
    assert len(selected) <= 6 * (len(value) + len(expression)) + 32


def _formats(data: bytes) -> None:
    value, other = parts(data, 2)
    values = {KeyName("a"): value, KeyName("b_2"): other}
    document = render_format(Format.JSON, values)
    assert json.loads(document) == {"a": value.decode(), "b_2": other.decode()}
    assert render_format(Format.PROPERTIES, values).isascii()
    assert render_format(Format.ENV, values).startswith(b"a=")


TARGETS = (
    Target("objects", _objects, (InvalidParameter,), max_bytes=64 * KIB),
    Target("file-name", _file_name, (InvalidParameter,), max_bytes=2 * KIB),
    Target("mount-request", _request, (InvalidRequest, TokenMissing), max_bytes=64 * KIB),
    Target("tokens", _tokens, (InvalidRequest, TokenMissing)),
    Target("parameters", _parameters, (InvalidParameter,)),
    Target("template", _template, (InvalidParameter, RenderFailed)),
    Target("jmespath", _jmespath, (InvalidParameter, RenderFailed)),
    Target("formats", _formats, (RenderFailed,)),
)
