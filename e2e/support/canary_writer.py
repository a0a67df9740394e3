"""The canary on the writer's machine: what `rune set` and `rune get` have while they run, and what they leave."""

import fcntl
import os
import subprocess
from collections import Counter
from collections.abc import Mapping
from typing import Final

from e2e.canary import places
from e2e.canary.forms import Value
from e2e.canary.processes import pids, search_about, search_memory
from e2e.canary.report import Report
from e2e.canary.search import Hits, Search
from e2e.support.kube import eventually
from e2e.support.stores import RUNE, Store

WHILE_SET: Final = "memory of `rune set`, after it has read the value"
WHILE_GET: Final = "memory of `rune get`, while it prints the value"
_TIMEOUT_S: Final = 120


def publish_and_look(store: Store, path: str, values: Mapping[str, Value]) -> Report:
    """Commit the value `rune` through stdin, read it again, and search all that these commands have and leave.

    Args:
        store: where to.
        path: the secret's; its key is `key`.
        values: what to look for; `control` is planted here.
    """
    search = Search(values)
    report = Report()
    for command in (_set, _get):
        command(store, path, values["rune"].text.encode(), search, report)
    control = values["control"].text
    (store.machine.home / "notes").write_text(control)
    waits = ["sh", "-c", "read line", control]
    with subprocess.Popen(waits, env={"CONTROL": control}, stdin=subprocess.PIPE):
        report.add(places.WRITER, _about_processes(search), "a command of the control")
    for file in store.machine.home.rglob("*"):
        if file.is_file():
            report.add(places.WRITER, search.file(file), file.name)
    return report


def _set(store: Store, path: str, value: bytes, search: Search, report: Report) -> None:
    """`rune set` waits for the rest of its input: it has most of the value by then."""
    store.rune("ls")  # writes today's port into rune.yaml
    with _started(store, "set", path, "key=-", stdin=subprocess.PIPE) as command:
        assert command.stdin is not None
        command.stdin.write(value)
        command.stdin.flush()
        _look_at(search, report, command.pid, WHILE_SET)
        command.stdin.close()
        assert command.wait(_TIMEOUT_S) == 0


def _get(store: Store, path: str, value: bytes, search: Search, report: Report) -> None:
    """`rune get` prints into a pipe that is full: it has the value and can't end."""
    reader, writer = os.pipe()
    room = fcntl.fcntl(writer, fcntl.F_GETPIPE_SZ)
    os.write(writer, bytes(room))
    with _started(store, "get", path, "key", stdout=writer) as command:
        os.close(writer)
        _look_at(search, report, command.pid, WHILE_GET)
        with open(reader, "rb") as source:  # noqa: PTH123 - a descriptor
            assert source.read()[room:] == value
        assert command.wait(_TIMEOUT_S) == 0


def _started(
    store: Store, *arguments: str, stdin: int | None = None, stdout: int | None = None
) -> "subprocess.Popen[bytes]":
    machine = store.machine
    return subprocess.Popen(
        [RUNE, *arguments], cwd=machine.checkout, env=machine.environment(), stdin=stdin, stdout=stdout
    )


def _look_at(search: Search, report: Report, pid: int, what: str) -> None:
    """Arguments and environments of everybody, the memory of the command."""
    copies = eventually(lambda: sum(search_memory(search, pid).values()) or None, what=what, timeout_s=_TIMEOUT_S)
    report.facts[what] = copies
    report.add(places.WRITER, _about_processes(search), what)


def _about_processes(search: Search) -> Hits:
    hits: Hits = Counter()
    for pid in pids():
        for what in ("cmdline", "environ"):
            hits.update(search_about(search, pid, what))
    return hits
