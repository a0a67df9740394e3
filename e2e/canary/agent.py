"""The program on a node: reads one request on stdin, looks, and prints where it found what. Never a value.

A line each, request and report; then it stays until stdin ends, so that its last words are heard before it is gone.

A search must not plant what it searches. So values come to us masked, by a way (API server, kubelet, pipes) that is
searched; only our own memory holds them, and no process of this program is looked into.
"""

import json
import os
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from . import places
from .capture import Capture
from .files import written_since
from .forms import Value
from .processes import command_line, pids, search_about, search_deleted, search_memory
from .report import Report
from .search import Search

MODULE: Final = "e2e.canary.agent"
READY: Final = "ready"
"""Said by what goes on until another line comes."""
_NODE: Final = Path("/proc/1/root")
"""The root of the node's first process, whose pids we see."""
_STDIN: Final = 0


def look(request: Mapping[str, Any]) -> Report:
    """Search the node: files written since `since`, and every process."""
    report = Report()
    search = _search(request)
    for written in written_since(_NODE, request["since"]):
        place = places.place_of_file(written.path, in_memory=written.in_memory, more=request["folders"])
        try:
            report.add(place, search.file(written.here), written.path)
        except OSError:  # gone meanwhile
            continue
    for pid in pids():
        command = command_line(pid)
        report.add(places.DELETED, search_deleted(search, pid), command.split(" ")[0])
        if MODULE in command:
            continue
        report.add(places.ARGUMENTS, search_about(search, pid, "cmdline"), command.split(" ")[0])
        report.add(places.ENVIRONMENTS, search_about(search, pid, "environ"), command.split(" ")[0])
        report.add(places.place_of_process(command), search_memory(search, pid), command.split(" ")[0])
    return report


def plant(request: Mapping[str, Any]) -> Report:
    """Write the control to a file in each of `into`, or take these files away again."""
    for folder in request["into"]:
        file = _NODE / folder.lstrip("/") / "canary-control"
        if request["values"]:
            file.write_text(_search(request).values["control"].text)
        else:
            file.unlink(missing_ok=True)
    return Report()


def hold(request: Mapping[str, Any]) -> Report:
    """Have the control in a deleted file that is open, in memory, until another line comes."""
    file = _NODE / request["into"][0].lstrip("/") / "canary-deleted"
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT, 0o600)
    file.unlink()
    os.write(descriptor, _search(request).values["control"].text.encode())
    _say(READY)
    sys.stdin.readline()
    os.close(descriptor)
    return Report()


def capture(request: Mapping[str, Any]) -> Report:
    """Listen where the pod `pod` (its uid) has its network, until another line comes."""
    pid = next(pid for pid in pids() if _is_of_pod(pid, request["pod"]))
    listener = Capture(pid)
    _say(READY)
    report = Report()
    report.add(places.NETWORK, listener.search(_search(request), _STDIN), "the registry's interfaces")
    report.facts = {"payload bytes": listener.payload_bytes, "packets lost": listener.lost()}
    listener.close()
    return report


def _is_of_pod(pid: int, uid: str) -> bool:
    try:
        groups = Path(f"/proc/{pid}/cgroup").read_text()
    except OSError:
        return False
    return uid in groups or uid.replace("-", "_") in groups


def _search(request: Mapping[str, Any]) -> Search:
    return Search({name: unmask(masked) for name, masked in request["values"].items()})


def mask(value: Value) -> dict[str, str]:
    """A value as two texts, neither of which says anything of it alone."""
    plain = "\0".join((value.mark, value.first, value.last)).encode()
    pad = os.urandom(len(plain))
    return {"pad": pad.hex(), "rest": bytes(a ^ b for a, b in zip(plain, pad, strict=True)).hex()}


def unmask(masked: Mapping[str, str]) -> Value:
    """The value of two such texts."""
    pad, rest = bytes.fromhex(masked["pad"]), bytes.fromhex(masked["rest"])
    mark, first, last = bytes(a ^ b for a, b in zip(pad, rest, strict=True)).decode().split("\0")
    return Value(mark, first, last)


def _say(line: str) -> None:
    print(line, flush=True)


def main() -> int:
    """Do what the first line of stdin asks for."""
    request = json.loads(sys.stdin.readline())
    actions: Mapping[str, Callable[[Mapping[str, Any]], Report]] = {
        "look": look, "plant": plant, "hold": hold, "capture": capture,
    }  # fmt: skip
    begun = time.monotonic()
    report = actions[request["do"]](request)
    report.facts["seconds"] = round(time.monotonic() - begun, 1)
    _say(report.dump())
    sys.stdin.read()
    return 0


if __name__ == "__main__":
    sys.exit(main())
