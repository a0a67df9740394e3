"""How long a value stays in the provider's memory, and that a crash doesn't bring it to a disk: docs/security.md."""

import os
import resource
import signal
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from e2e.canary.forms import Value, new_mark
from e2e.canary.processes import search_memory
from e2e.canary.search import Search
from tests.support.node import Node
from tests.support.waiting import eventually
from tests.unit.publish.world import set_keys

OTHERS = 200
MORE = 1_000
PATIENT = os.environ.get("RUNE_TEST_PATIENT") == "1"
"""Also look after a minute: `RUNE_TEST_PATIENT=1 pytest -rP` prints the figures of docs/security.md."""
IDLE_S = 60.0 if PATIENT else 0.5
VALUES = dict.fromkeys(("canary", "other", "never"), "")


@pytest.fixture(scope="module")
def values() -> Mapping[str, Value]:
    mark = new_mark()
    return {name: Value.new(mark) for name in VALUES}


@pytest.fixture
def node(tmp_path: Path, values: Mapping[str, Value], monkeypatch: pytest.MonkeyPatch) -> Iterator[Node]:
    """A provider in a folder of its own, allowed to dump its memory there if it didn't forbid itself to."""
    monkeypatch.chdir(tmp_path)
    made = Node(tmp_path)
    for name, value in values.items():
        made.world.commit(set_keys(f"prod/payments/{name}", {"key": value.text}))
    before = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (before[1], before[1]))
    try:
        made.provider.start()
        yield made
        made.provider.stop()
    finally:
        resource.setrlimit(resource.RLIMIT_CORE, before)


def mount(node: Node, name: str, value: Value) -> None:
    assert node.mount(f"- {{path: prod/payments/{name}, key: key}}").files == {"key": value.text.encode()}


def test_a_value_stays_only_in_freed_memory(node: Node, values: Mapping[str, Value]) -> None:
    search = Search(values)

    def copies() -> Mapping[str, int]:
        found = search_memory(search, node.provider.worker)
        found += search_memory(search, node.provider.process.pid)
        return {name: sum(count for (value, _), count in found.items() if value == name) for name in values}

    assert copies() == dict.fromkeys(values, 0), "nothing is decrypted before somebody may have it"
    mount(node, "canary", values["canary"])
    after_mount = copies()
    time.sleep(IDLE_S)
    idle = copies()
    for _ in range(OTHERS):
        mount(node, "other", values["other"])
    after_others = copies()
    for _ in range(MORE):
        mount(node, "other", values["other"])
    after_more = copies()
    print(f"copies after the mount: {after_mount}")
    print(f"{IDLE_S:.0f} s later: {idle}")
    print(f"after {OTHERS} mounts of another: {after_others}, after {MORE} more: {after_more}")
    assert after_mount["never"] == idle["never"] == after_others["never"] == 0
    # Freed memory is used again: what is left has nothing to do with how many mounts there were.
    assert after_others["canary"] <= after_mount["canary"]
    assert 0 < after_more["other"] < OTHERS


def test_a_crash_after_a_mount_brings_nothing_to_the_disk(
    node: Node, values: Mapping[str, Value], tmp_path: Path
) -> None:
    search = Search(values)
    mount(node, "canary", values["canary"])
    worker = node.provider.worker
    assert search_memory(search, worker), "a dump would hold it"
    os.kill(worker, signal.SIGSEGV)
    eventually(lambda: node.provider.worker not in {0, worker})
    (tmp_path / "control").write_text(values["canary"].text)
    found = {path.name for path in tmp_path.rglob("*") if path.is_file() and search.file(path)}
    assert found == {"control"}
