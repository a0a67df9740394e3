"""Builds the image of rune-provider with docker or buildah, whichever is there.

    python hack/image.py [--tag NAME:TAG] [--base IMAGE[@sha256:...]]

Without --tag it is what deploy/ asks for. A release names its base by digest. $PIP_INDEX_URL is another package index.
"""

import argparse
import os
import shutil
import subprocess
import sys
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parent.parent
CHART = ROOT / "deploy" / "chart"


def default_tag() -> str:
    """The image that the chart's default values name."""
    image = yaml.safe_load((CHART / "values.yaml").read_text())["image"]
    version = yaml.safe_load((CHART / "Chart.yaml").read_text())["appVersion"]
    return f"{image['repository']}:{image['tag'] or version}"


def build_command(tool: str, tag: str, base: str | None) -> list[str]:
    """The command that builds.

    Args:
        tool: docker or buildah; both take the same options here. The network is the machine's, where a package
            index may be reachable only by a proxy on loopback.
        tag: the image's name.
        base: the base image, or None for the Dockerfile's.
    """
    arguments = [f"BASE={base}"] if base else []
    if "PIP_INDEX_URL" in os.environ:
        # Without a value the tool takes the environment's, which may hold a password.
        arguments.append("PIP_INDEX_URL")
    options = [part for argument in arguments for part in ("--build-arg", argument)]
    return [tool, "build", "--network", "host", "--tag", tag, *options, "--file", str(ROOT / "Dockerfile"), str(ROOT)]


def main() -> int:
    """Build."""
    parser = argparse.ArgumentParser(description="Build the image of rune-provider with docker or buildah.")
    parser.add_argument("--tag", default=default_tag(), metavar="NAME:TAG", help="(%(default)s)")
    parser.add_argument("--base", metavar="IMAGE", help="the base image; by digest for a release")
    flags = parser.parse_args()
    tool = next((name for name in ("docker", "buildah") if shutil.which(name)), None)
    if tool is None:
        print("neither docker nor buildah is on PATH: install one of them", file=sys.stderr)
        return 1
    return subprocess.run(build_command(tool, flags.tag, flags.base), check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
