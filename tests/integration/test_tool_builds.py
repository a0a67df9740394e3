"""hack/tools/build.py as a command, with a stand-in for the Go toolchain: what it says, keeps and refuses."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.support.tools import BUILD

# Answers `go env GOVERSION` with $FAKE_GO_VERSION; `go build ... -o FILE PACKAGE` appends a line to $FAKE_GO_LOG,
# takes its time and writes FILE, or fails when $FAKE_GO_FAILS says so.
FAKE_GO = """#!/bin/sh
if [ "$1" = env ]; then echo "$FAKE_GO_VERSION"; exit 0; fi
echo "$@" >> "$FAKE_GO_LOG"
sleep 0.3
if [ -n "$FAKE_GO_FAILS" ]; then echo "etcd.go:1: no such thing" >&2; exit 2; fi
while [ "$1" != -o ]; do shift; done
echo program > "$2"
"""


class Machine:
    """A machine with a cache of its own and only the fake toolchain, if any, beside the base system's commands."""

    def __init__(self, folder: Path) -> None:
        self.bin = folder / "bin"
        self.bin.mkdir()
        self.cache = folder / "cache"
        self.builds = folder / "builds.log"
        self.env = {"PATH": str(self.bin), "RUNE_TOOLS_CACHE": str(self.cache), "FAKE_GO_LOG": str(self.builds)}

    def install_go(self, version: str) -> None:
        go = self.bin / "go"
        go.write_text(FAKE_GO)
        go.chmod(0o755)
        self.env |= {"PATH": f"{self.bin}{os.pathsep}/usr/bin{os.pathsep}/bin", "FAKE_GO_VERSION": version}

    def build(self, *names: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, str(BUILD), *names]
        return subprocess.run(command, env=self.env, capture_output=True, text=True, timeout=60, check=False)


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_prints_the_path_alone_and_builds_once(machine: Machine) -> None:
    machine.install_go("go1.99.0")
    first, second = machine.build("etcd"), machine.build("etcd")
    path = Path(first.stdout.removesuffix("\n"))
    assert path.parent == machine.cache
    assert os.access(path, os.X_OK)
    assert second.stdout == first.stdout
    assert second.stderr.endswith(": cached\n")
    assert len(machine.builds.read_text().splitlines()) == 1


def test_two_callers_build_once(machine: Machine) -> None:
    machine.install_go("go1.99.0")
    with ThreadPoolExecutor() as pool:
        answers = list(pool.map(machine.build, ["etcd", "etcd"]))
    assert {answer.returncode for answer in answers} == {0}
    assert len({answer.stdout for answer in answers}) == 1
    assert len(machine.builds.read_text().splitlines()) == 1


def test_a_failed_build_leaves_nothing_and_shows_why(machine: Machine) -> None:
    machine.install_go("go1.99.0")
    machine.env["FAKE_GO_FAILS"] = "yes"
    answer = machine.build("etcd")
    assert (answer.returncode, answer.stdout) == (1, "")
    assert "etcd.go:1: no such thing" in answer.stderr
    assert [path.name for path in machine.cache.iterdir()] == ["etcd.lock"]


def test_says_what_to_do_without_go(machine: Machine) -> None:
    answer = machine.build("etcd")
    assert (answer.returncode, answer.stdout) == (3, "")
    assert "no Go toolchain on PATH: install Go 1." in answer.stderr


def test_says_what_to_do_with_an_old_go(machine: Machine) -> None:
    machine.install_go("go1.20.14")
    answer = machine.build("etcd")
    assert (answer.returncode, answer.stdout) == (3, "")
    assert "go1.20.14 is too old: install Go 1." in answer.stderr
    assert not machine.builds.exists()


def test_says_what_to_do_without_apt(machine: Machine) -> None:
    answer = machine.build("docker-registry")
    assert (answer.returncode, answer.stdout) == (3, "")
    assert "put a docker-registry binary on PATH" in answer.stderr


@pytest.mark.parametrize("name", ["shellcheck", "docker-registry"])
def test_takes_a_debian_program_from_path(name: str, machine: Machine) -> None:
    present = machine.bin / name
    present.write_text("#!/bin/sh\n")
    present.chmod(0o755)
    assert machine.build(name).stdout == f"{present}\n"


def test_refuses_an_unknown_name(machine: Machine) -> None:
    answer = machine.build("zookeeper")
    assert answer.returncode == 2
    assert "kube-apiserver" in answer.stderr
