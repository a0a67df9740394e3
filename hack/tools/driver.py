"""Find the Secrets Store CSI driver's own manifests and protocol: its Go module, pinned by version and hash.

    python hack/tools/driver.py

prints the module's folder. Go downloads it (module cache or proxy); nothing of it is kept in this repository.
Standard library only.
"""

import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

MODULE = "sigs.k8s.io/secrets-store-csi-driver"
VERSION = "v1.6.0"
SUM = "h1:YpKG/2hJkp3EkRGpH5SPxg1/5AkmeD5pwHNKIlE90FU="
"""The module's content, as go.sum would say it (golang.org/ref/mod#go-sum-files)."""
_TIMEOUT_S = 300
UNAVAILABLE = 3


class DriverUnavailable(Exception):
    """The module can't be had on this machine; the text says why and what to do."""


def driver_module() -> Path:
    """The module's folder, read-only.

    Raises:
        DriverUnavailable: there is no Go, nobody to download it from, or it isn't what it was.
    """
    if shutil.which("go") is None:
        raise DriverUnavailable("no Go toolchain on PATH to download the driver's module with: install Go")
    with tempfile.TemporaryDirectory() as outside_any_module:
        done = subprocess.run(
            ["go", "mod", "download", "-json", f"{MODULE}@{VERSION}"],
            cwd=outside_any_module,
            capture_output=True,
            text=True,
            timeout=_TIMEOUT_S,
            check=False,
        )
    if done.returncode != 0:
        raise DriverUnavailable(f"{MODULE}@{VERSION} can't be downloaded: {done.stdout}{done.stderr}")
    found = json.loads(done.stdout)
    if found["Sum"] != SUM:
        raise DriverUnavailable(f"{MODULE}@{VERSION} has hash {found['Sum']}, not {SUM}: don't use it")
    return Path(found["Dir"])


if __name__ == "__main__":
    try:
        print(driver_module())
    except DriverUnavailable as missing:
        print(missing, file=sys.stderr)
        sys.exit(UNAVAILABLE)
