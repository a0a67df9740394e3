"""Build or fetch the real programs that the tests run against, once per machine.

    python hack/tools/build.py etcd kube-apiserver registry cosign

prints one path a line. Go programs are built from the pinned modules beside this file (go.mod and go.sum say
exactly what goes in); Debian programs are taken out of their package without installing it. Everything lands in
$RUNE_TOOLS_CACHE, else $XDG_CACHE_HOME/rune/tools, else ~/.cache/rune/tools, under a name that changes when any
input does. Standard library only: CI runs this before there is an environment.

Exit codes: 0 all are there, 1 a build failed, 2 wrong usage, 3 this machine lacks what is needed.
"""

import argparse
import fcntl
import hashlib
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
UNAVAILABLE = 3
LOG_LINES_SHOWN = 20


class ToolError(Exception):
    """A program can't be had; the text says what to do, `exit_code` how the command ends."""

    def __init__(self, message: str, exit_code: int = UNAVAILABLE) -> None:
        super().__init__(message)
        self.exit_code = exit_code


@dataclass(frozen=True)
class GoProgram:
    """A program built from hack/tools/`folder`: `package` of the upstream `module`, which decides its version.

    `stamps` are the string variables that the linker sets, with {version} for that version.
    """

    folder: str
    module: str
    package: str
    stamps: tuple[str, ...] = ()


@dataclass(frozen=True)
class DebianProgram:
    """A program at `path` of the Debian package of the same name; one found on PATH is as good."""

    path: str


def _kubernetes(command: str) -> GoProgram:
    # Unstamped, the server calls itself v0.0.0-master+$Format and clients that compare versions give up.
    variables = tuple(
        f"{package}.{name}"
        for package in ("k8s.io/component-base/version", "k8s.io/client-go/pkg/version")
        for name in ("gitVersion={version}", "gitMajor=1", "gitMinor=34", "gitTreeState=clean", "gitCommit=unknown")
    )
    return GoProgram("k8s", "k8s.io/kubernetes", f"k8s.io/kubernetes/cmd/{command}", variables)


PROGRAMS: Mapping[str, GoProgram | DebianProgram] = {
    "etcd": GoProgram("etcd", "go.etcd.io/etcd/server/v3", "go.etcd.io/etcd/server/v3"),
    "kube-apiserver": _kubernetes("kube-apiserver"),
    "kubectl": _kubernetes("kubectl"),
    "registry": GoProgram(
        "registry",
        "github.com/distribution/distribution/v3",
        "github.com/distribution/distribution/v3/cmd/registry",
        ("github.com/distribution/distribution/v3/version.version={version}",),
    ),
    "cosign": GoProgram(
        "cosign",
        "github.com/sigstore/cosign/v3",
        "github.com/sigstore/cosign/v3/cmd/cosign",
        ("sigs.k8s.io/release-utils/version.gitVersion={version}",),
    ),
    "crane": GoProgram(
        "crane",
        "github.com/google/go-containerregistry",
        "github.com/google/go-containerregistry/cmd/crane",
        ("github.com/google/go-containerregistry/cmd/crane/cmd.Version={version}",),
    ),
    "helm": GoProgram(
        "helm",
        "helm.sh/helm/v3",
        "helm.sh/helm/v3/cmd/helm",
        (
            "helm.sh/helm/v3/internal/version.version={version}",
            # Else it takes every cluster for Kubernetes 1.20 where it isn't asked (helm template, helm lint).
            *(
                f"helm.sh/helm/v3/pkg/{package}.k8sVersion{name}"
                for package in ("chartutil", "lint/rules")
                for name in ("Major=1", "Minor=34")
            ),
        ),
    ),
    "docker-registry": DebianProgram("usr/bin/docker-registry"),
    "shellcheck": DebianProgram("usr/bin/shellcheck"),
}


def cache_folder() -> Path:
    """The folder that holds built programs; never inside the checkout."""
    if chosen := os.environ.get("RUNE_TOOLS_CACHE"):
        return Path(chosen)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "rune" / "tools"


def say(text: str) -> None:
    """Report progress on stderr: stdout is for paths alone."""
    print(f"[tools] {text}", file=sys.stderr, flush=True)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold an exclusive lock on `path` across processes, so that nobody builds what another is building."""
    with path.open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def run(command: Sequence[str], folder: Path, env: Mapping[str, str] | None = None) -> str:
    """Run a command to its end and return its stdout; a failure shows the end of what it said."""
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        tail = "\n".join((done.stdout + done.stderr).splitlines()[-LOG_LINES_SHOWN:])
        raise ToolError(f"`{' '.join(command[:2])}` failed with status {done.returncode}:\n{tail}", exit_code=1)
    return done.stdout


def cached(name: str, version: str, inputs: str, slow: bool, make: Callable[[Path], Path]) -> Path:
    """The cached program, made by `make(scratch folder) -> file` when it isn't there yet.

    `inputs` is everything besides the version that decides the result; the file appears whole or not at all.
    """
    cache = cache_folder()
    cache.mkdir(parents=True, exist_ok=True)
    platform_name = f"{platform.system()}/{platform.machine()}"
    key = hashlib.sha256(f"{platform_name}\n{inputs}".encode()).hexdigest()[:16]
    target = cache / f"{name}-{version}-{key}"
    with locked(cache / f"{name}.lock"):
        if target.exists():
            say(f"{name} {version}: cached")
            return target
        say(f"{name} {version}: {'building (minutes)' if slow else 'fetching'}...")
        begun = time.monotonic()
        with tempfile.TemporaryDirectory(prefix=f".{name}-", dir=cache) as scratch:
            made = make(Path(scratch))
            made.chmod(0o755)
            made.replace(target)
        say(f"{name} {version}: ready in {time.monotonic() - begun:.0f} s")
    return target


def go_program(name: str, program: GoProgram) -> Path:
    """Build a Go program from its pinned module."""
    folder = HERE / program.folder
    manifest = (folder / "go.mod").read_text()
    version = _find(rf"^(?:require)?\s*{re.escape(program.module)} (v\S+)", manifest, folder)
    linker = " ".join(["-s -w", *(f"-X {stamp.format(version=version)}" for stamp in program.stamps)])
    # readonly: a go.mod or go.sum that doesn't say everything is an error here, never edited behind our back.
    flags = {"CGO_ENABLED": "0", "GOFLAGS": "-mod=readonly", "GOWORK": "off"}
    env = {**os.environ, **flags}

    def make(scratch: Path) -> Path:
        _check_toolchain(_find(r"^go (\S+)", manifest, folder), folder, env)
        made = scratch / name
        options = ["-trimpath", "-buildvcs=false", "-ldflags", linker, "-o", str(made)]
        run(["go", "build", *options, program.package], folder, env)
        return made

    inputs = "\n".join([manifest, (folder / "go.sum").read_text(), linker, repr(flags), program.package])
    return cached(name, version, inputs, slow=True, make=make)


def _find(pattern: str, text: str, folder: Path) -> str:
    found = re.search(pattern, text, re.MULTILINE)
    if found is None:
        raise ToolError(f"{folder.name}/go.mod has no line like {pattern!r}: add the requirement.", exit_code=1)
    return found.group(1)


def _check_toolchain(needed: str, folder: Path, env: Mapping[str, str]) -> None:
    if shutil.which("go") is None:
        raise ToolError(f"no Go toolchain on PATH: install Go {needed} or newer (https://go.dev/dl), then run again.")
    found = run(["go", "env", "GOVERSION"], folder, env).strip()
    if _numbers(found) < _numbers(needed):
        raise ToolError(f"{found} is too old: install Go {needed} or newer (https://go.dev/dl), then run again.")


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", version)[:3])


def debian_program(name: str, program: DebianProgram) -> Path:
    """Take a program out of its Debian package, without root and without installing it."""
    if present := shutil.which(name):
        say(f"{name}: on PATH")
        return Path(present)
    if shutil.which("apt-get") is None or shutil.which("dpkg-deb") is None:
        raise ToolError(f"{name} comes from a Debian package and apt isn't here: put a {name} binary on PATH.")
    version = _candidate(name)

    def make(scratch: Path) -> Path:
        run(["apt-get", "download", f"{name}={version}"], scratch)
        (package,) = scratch.glob("*.deb")
        run(["dpkg-deb", "-x", package.name, "."], scratch)
        return scratch / program.path

    return cached(name, version.replace("/", "_"), f"debian {version}", slow=False, make=make)


def _candidate(name: str) -> str:
    """The version that apt would install; the lists are fetched only when they don't know the package."""
    env = {**os.environ, "LC_ALL": "C"}
    for attempt in ("as it is", "updated"):
        if attempt == "updated":
            try:
                run(["apt-get", "update", "-q"], HERE)
            except ToolError as error:
                raise ToolError(
                    f"apt knows no package {name} and can't update: run `apt-get update` as root.\n{error}"
                ) from error
        found = re.search(r"^ *Candidate: (\S+)", run(["apt-cache", "policy", name], HERE, env), re.MULTILINE)
        if found and found.group(1) != "(none)":
            return found.group(1)
    raise ToolError(f"apt has no package {name}: put a {name} binary on PATH.")


def obtain(name: str) -> Path:
    """The path of one program, building or fetching it when needed.

    Raises:
        ToolError: with what to do about it.
    """
    program = PROGRAMS[name]
    if isinstance(program, GoProgram):
        return go_program(name, program)
    return debian_program(name, program)


def main() -> int:
    """Obtain every program named on the command line, in order."""
    parser = argparse.ArgumentParser(description="Build or fetch the real programs that the tests run against.")
    parser.add_argument("names", nargs="+", choices=sorted(PROGRAMS), metavar="NAME", help=", ".join(PROGRAMS))
    for name in parser.parse_args().names:
        try:
            print(obtain(name), flush=True)
        except ToolError as error:
            say(f"{name}: {error}")
            return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
