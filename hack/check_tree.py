"""Looks for what must never be committed: machine paths, registry hosts in lock files, stray private keys, caches."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FIXTURES = "tests/fixtures/"
MAX_BYTES = 1024 * 1024

# Put together from parts, so that this file doesn't find itself.
_HOME = re.compile(r"(?<![\w.~$}-])/(?:ro" + r"ot|ho" + r"me|wo" + r"rk|Us" + r"ers)/[A-Za-z0-9._-]+")
_PRIVATE_KEY = re.compile("-----BEGIN [A-Z ]*PRIVATE" + r" KEY-----(?:\\n|\s)+[A-Za-z0-9+/]{40}")
_INDEX = re.compile(r"^\s*(?:--(?:extra-)?index-url|--find-links|-i\s)|https?://", re.MULTILINE)
_CACHES = re.compile(r"(?:^|/)(?:__pycache__|\.mypy_cache|\.ruff_cache|\.pytest_cache|\.hypothesis|\.venv)/")


def tracked() -> list[str]:
    """Every file that git tracks, or would."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    return sorted(name for name in listed.stdout.split("\0") if name)


def problems(name: str) -> Iterator[str]:
    """What is wrong with one file."""
    path = ROOT / name
    if _CACHES.search(name):
        yield "a generated cache"
    if not path.is_file():
        return
    if path.stat().st_size > MAX_BYTES:
        yield f"larger than {MAX_BYTES} bytes"
        return
    text = path.read_bytes().decode("utf-8", "replace")
    if _HOME.search(text):
        yield "holds an absolute path of a machine"
    if _PRIVATE_KEY.search(text) and not name.startswith(FIXTURES):
        yield f"holds a private key outside {FIXTURES}"
    if name.startswith("requirements") and _INDEX.search(text):
        yield "names a package index"


def main() -> int:
    """Print every problem, one a line."""
    found = [f"{name}: {problem}" for name in tracked() for problem in problems(name)]
    print("\n".join(found), file=sys.stderr, end="\n" if found else "")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
