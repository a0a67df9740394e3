"""Generate provider/rune/_pb from proto/, or with --check fail when what is committed differs.

The generated modules import each other as `rune._pb...`: protoc sees proto/ under that name. Needs the development
environment (grpcio-tools, mypy-protobuf).
"""

import argparse
import sys
import sysconfig
import tempfile
from importlib import resources
from pathlib import Path

from grpc_tools import protoc

ROOT = Path(__file__).resolve().parent.parent
PROTO = ROOT / "proto"
PACKAGE = Path("rune/_pb")
INIT = '"""Generated from proto/ by hack/generate.py: do not edit. Only rune.server imports it."""\n'


def generate(out: Path) -> None:
    """Write the package, rune/_pb and below, into the folder `out`."""
    sources = sorted(path.relative_to(PROTO) for path in PROTO.rglob("*.proto"))
    arguments = [
        "protoc",
        f"--proto_path={PACKAGE}={PROTO}",
        f"--proto_path={resources.files('grpc_tools') / '_proto'}",
        # By path: the plugins need not be on PATH when the environment isn't activated.
        *(f"--plugin={_script(name)}" for name in ("protoc-gen-mypy", "protoc-gen-mypy_grpc")),
        *(f"--{kind}_out={out}" for kind in ("python", "grpc_python")),
        f"--mypy_out=quiet:{out}",
        f"--mypy_grpc_out=quiet,only_sync:{out}",
        *(str(PACKAGE / source) for source in sources),
    ]
    if protoc.main(arguments) != 0:
        raise SystemExit("protoc failed: its message is above.")
    for folder in {PACKAGE, *(parent for source in sources for parent in (PACKAGE / source).parents)}:
        if folder.is_relative_to(PACKAGE):
            (out / folder / "__init__.py").write_text(INIT)


def _script(name: str) -> str:
    return f"{name}={Path(sysconfig.get_path('scripts')) / name}"


def files(root: Path) -> dict[Path, bytes]:
    """Every generated file below `root`/rune/_pb with what it holds."""
    package = root / PACKAGE
    found = (path for path in package.rglob("*.py*") if path.suffix in {".py", ".pyi"})
    return {path.relative_to(root): path.read_bytes() for path in found}


def main() -> int:
    """Generate, or check; 1 when what is committed is stale."""
    parser = argparse.ArgumentParser(description="Generate provider/rune/_pb from proto/.")
    parser.add_argument("--check", action="store_true", help="change nothing; fail when the committed code is stale")
    check = parser.parse_args().check
    provider = ROOT / "provider"
    with tempfile.TemporaryDirectory() as scratch:
        generate(Path(scratch))
        wanted, present = files(Path(scratch)), files(provider)
    stale = sorted(path for path in wanted.keys() | present.keys() if wanted.get(path) != present.get(path))
    for path in stale:
        print(f"provider/{path}: {'differs' if path in present else 'missing'}", file=sys.stderr)
        if check:
            continue
        if path in wanted:
            (provider / path).parent.mkdir(parents=True, exist_ok=True)
            (provider / path).write_bytes(wanted[path])
        else:
            (provider / path).unlink()
    if check and stale:
        print("generated code is stale: run `python hack/generate.py` and commit.", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
