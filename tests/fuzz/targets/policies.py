"""Policies against an oracle that shares nothing with the compiled form, and the patterns that they are made of."""

from itertools import product

from rune.errors import InvalidConfig, InvalidKey, InvalidPath, PolicyInvalid
from rune.model.bounded_yaml import Yaml, load_yaml
from rune.model.caller import Caller
from rune.model.limits import FORMAT, KIB
from rune.model.path import SecretPath, parse_key, parse_path
from rune.model.pattern import parse_glob, parse_path_pattern, parse_subject_pattern
from rune.policy import parse_policy
from rune.policy.expectations import parse_expectations, run_expectations
from tests.fuzz.oracle import decides, fits_path, fits_text
from tests.fuzz.target import Target, as_text, parts

_CALLERS = (Caller("prod-eu", "payments", "api"), Caller("", "shop", "web"), Caller("b", "a", "a.b"))
_PATHS = ("prod/payments/db", "teams/payments/x/y", "a", "b/a/a.b", "_x/y-z")


def _policy(data: bytes) -> None:
    policy = parse_policy(data)
    written = load_yaml(data, what="the policy", max_bytes=FORMAT.policy_bytes)
    if _work(written) > 20_000:
        return
    for caller, path in product(_CALLERS, _PATHS):
        assert policy.decide(caller, SecretPath(path)).allowed is decides(written, caller, path)


def _work(written: Yaml) -> int:
    """About what the oracle would cost: it is as slow as it is simple."""
    return len(str(written))


def _expectations(data: bytes) -> None:
    for outcome in run_expectations(parse_expectations(data), parse_policy(""), None):
        str(outcome).encode()


def _path(data: bytes) -> None:
    path = parse_path(as_text(data))
    assert path.encode() == data
    assert ".." not in path.split("/")
    assert not path.startswith("/")


def _key(data: bytes) -> None:
    key = parse_key(as_text(data))
    assert key.encode() == data
    assert "/" not in key
    assert not key.startswith("..")


def _glob(data: bytes) -> None:
    pattern, text = (as_text(part) for part in parts(data, 2))
    for kubernetes in (True, False):
        glob = parse_glob(pattern, field="the glob", kubernetes=kubernetes)
        assert glob.matches(text) is fits_text(pattern, text)
        assert str(glob) == pattern


def _path_pattern(data: bytes) -> None:
    pattern, text = (as_text(part) for part in parts(data, 2))
    compiled = parse_path_pattern(pattern, field="the pattern")
    for caller in _CALLERS:
        assert compiled.matches(text.split("/"), caller) is fits_path(pattern.split("/"), text.split("/"), caller)


def _subject_pattern(data: bytes) -> None:
    pattern, text = (as_text(part) for part in parts(data, 2))
    compiled = parse_subject_pattern(pattern, field="the pattern")
    fits = compiled.matches(text.split("/"), None)
    if fits and "://" in pattern:
        # Whose it is stands in the first four pieces, letter by letter: scheme, nothing, host, owner.
        assert text.split("/")[:4] == pattern.split("/")[:4]
    elif fits:
        assert text.rpartition("@")[2] == pattern.rpartition("@")[2]


TARGETS = (
    Target("policy", _policy, (PolicyInvalid,), max_bytes=32 * KIB),
    Target("expectations", _expectations, (InvalidConfig,)),
    Target("path", _path, (InvalidPath,), max_bytes=2 * KIB),
    Target("key", _key, (InvalidKey,), max_bytes=2 * KIB),
    Target("glob", _glob, (InvalidConfig,), max_bytes=1 * KIB),
    Target("path-pattern", _path_pattern, (InvalidConfig,), max_bytes=1 * KIB),
    Target("subject-pattern", _subject_pattern, (InvalidConfig,), max_bytes=2 * KIB),
)
