"""Flags in manifests."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rune.client.doctor.flags import go_duration, node_folder, words


@pytest.mark.parametrize(
    ("arguments", "values"),
    [
        pytest.param(["--name=a"], ("a",), id="equals"),
        pytest.param(["-name=a"], ("a",), id="one-dash"),
        pytest.param(["--name", "a"], ("a",), id="next-word"),
        pytest.param(["--name=a", "--name=b"], ("a", "b"), id="twice"),
        pytest.param(["--name="], ("",), id="empty"),
        pytest.param(["--name", "--other"], ("",), id="alone"),
        pytest.param(["--name"], ("",), id="last"),
        pytest.param(["--name=a=b"], ("a=b",), id="equals-in-the-value"),
        pytest.param(["--names=a", "name=a", "name"], (), id="others"),
    ],
)
def test_values(arguments: list[str], values: tuple[str, ...]) -> None:
    assert words(["/program"], arguments).values("name") == values


@pytest.mark.parametrize(
    ("arguments", "on"),
    [
        pytest.param([], None, id="absent"),
        pytest.param(["--on"], True, id="alone"),
        pytest.param(["--on", "false"], True, id="a-switch-takes-no-word"),
        pytest.param(["--on=true"], True, id="true"),
        pytest.param(["--on=1"], True, id="one"),
        pytest.param(["--on=false"], False, id="false"),
        pytest.param(["--on=true", "--on=false"], False, id="the-last-counts"),
        pytest.param(["--on=yes"], False, id="not-a-boolean-of-go"),
    ],
)
def test_switches(arguments: list[str], on: bool | None) -> None:
    flags = words(arguments)
    assert flags.switch("on", default=False) is bool(on)
    assert flags.switch("on", default=True) is (True if on is None else on)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("2m", 120.0),
        ("1h30m0s", 5_400.0),
        ("500ms", 0.5),
        ("1.5h", 5_400.0),
        ("", None),
        ("2", None),
        ("2d", None),
        ("-2m", None),
        ("$(POLL)", None),
    ],
)
def test_durations(text: str, seconds: float | None) -> None:
    assert go_duration(text) == (None if seconds is None else timedelta(seconds=seconds))


@given(st.text(max_size=40))
def test_a_strange_duration_never_raises(text: str) -> None:
    go_duration(text)


@pytest.mark.parametrize(
    ("path", "folder"),
    [
        ("/var/run/x", "/run/x"),
        ("/var/run", "/run"),
        ("/run/x/", "/run/x"),
        ("//etc/./x", "/etc/x"),
        ("/var/running/x", "/var/running/x"),
        ("", "/"),
    ],
)
def test_folders(path: str, folder: str) -> None:
    assert node_folder(path) == folder
