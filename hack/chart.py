"""Writes what deploy/ holds twice, from its one source; `--check` fails where the two differ.

deploy/crds is the source of the chart's CRDs, because a chart can't reach out of its folder; the chart's templates are
the source of deploy/kustomize. Helm comes from hack/tools.
"""

import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parent.parent
CRDS = ROOT / "deploy" / "crds"
CHART = ROOT / "deploy" / "chart"
KUSTOMIZE = ROOT / "deploy" / "kustomize"
NAMESPACE = "rune-system"
HEAD = "# From deploy/chart/templates by hack/chart.py: change it there.\n"


@dataclass(frozen=True)
class Rendering:
    """One folder of deploy/kustomize: some of the chart's templates with some values."""

    folder: str
    templates: Sequence[str]
    values: Sequence[str] = ()


RENDERINGS = (
    # Without the CRDs: kustomize takes those of deploy/crds as they are.
    Rendering("provider", ("daemonset.yaml", "rbac.yaml", "rbac-users.yaml", "serviceaccount.yaml")),
    Rendering("default", ("namespace.yaml",), ("namespace.create=true",)),
    Rendering(
        "components/monitoring",
        ("metrics-service.yaml", "prometheusrule.yaml", "servicemonitor.yaml"),
        ("metrics.rules.create=true", "metrics.serviceMonitor.create=true"),
    ),
)


def helm() -> str:
    """The path of helm, built when needed."""
    command = [sys.executable, str(ROOT / "hack" / "tools" / "build.py"), "helm"]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()


def render(program: str, values: Sequence[str]) -> Mapping[str, str]:
    """What each template renders to, by its file name."""
    command = [program, "template", "rune", str(CHART), "--namespace", NAMESPACE]
    for value in values:
        command += ["--set", value]
    text = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    files: dict[str, list[str]] = {}
    for document in re.split(r"^---\n", text, flags=re.MULTILINE):
        if found := re.match(r"# Source: rune/templates/(\S+)\n", document):
            files.setdefault(found.group(1), []).append(document[found.end() :].strip("\n") + "\n")
    return {name: "---\n".join(documents) for name, documents in files.items()}


def copies() -> Iterator[tuple[Path, str]]:
    """Every CRD of the chart."""
    for source in sorted(CRDS.glob("core.rune.io_*.yaml")):
        yield CHART / "files" / "crds" / source.name, source.read_text()


def renderings() -> Iterator[tuple[Path, str]]:
    """Every generated file of deploy/kustomize."""
    program = helm()
    for rendering in RENDERINGS:
        rendered = render(program, rendering.values)
        for template in rendering.templates:
            yield KUSTOMIZE / rendering.folder / template, HEAD + rendered[template]


def versions() -> set[str]:
    """Every version that the chart and the distribution call themselves: there must be one."""
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return {chart["version"], chart["appVersion"], project["version"]}


def main() -> int:
    """Write every file, or compare it."""
    if len(versions()) != 1:
        print("deploy/chart/Chart.yaml and pyproject.toml disagree about the version: write one", file=sys.stderr)
        return 1
    checking = "--check" in sys.argv[1:]
    stale = 0
    # The CRDs first: the chart renders its copies of them.
    for files in (copies, renderings):
        for path, text in files():
            if path.exists() and path.read_text() == text:
                continue
            stale += 1
            if checking:
                print(f"{path.relative_to(ROOT)} isn't what its source says: run hack/chart.py", file=sys.stderr)
            else:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text)
    return 1 if checking and stale else 0


if __name__ == "__main__":
    sys.exit(main())
