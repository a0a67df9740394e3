"""`python -m tests.fuzz [--seconds N] [--target NAME]`: the long run, one target after the other.

Guided by coverage where atheris is installed, else at random. An input that fails is kept in build/fuzz/findings, its
name begins with the target's; mend what it shows, and put it into tests/fuzz/corpus/TARGET as found-WHAT.
"""

import argparse
import importlib.util
import json
import os
import random
import re
import subprocess
import sys
import time
import traceback
from hashlib import sha256
from pathlib import Path

from tests.fuzz.mutation import mutate
from tests.fuzz.target import Target
from tests.fuzz.targets import TARGETS

BUILD = Path("build") / "fuzz"
FINDINGS = BUILD / "findings"
_NICENESS = 19
_LONGEST_S = 3_600
_ROUND_S = 1.0


def main() -> int:
    """Run, and print what came of it; 1 if something was found."""
    options = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    options.add_argument("--seconds", type=int, default=600, help="for all targets together")
    options.add_argument("--target", action="append", choices=sorted(TARGETS), help="only these")
    given = options.parse_args()
    os.nice(_NICENESS)
    FINDINGS.mkdir(parents=True, exist_ok=True)
    chosen = [TARGETS[name] for name in given.target or TARGETS]
    is_guided = importlib.util.find_spec("atheris") is not None
    counts = guided(chosen, given.seconds) if is_guided else blind(chosen, given.seconds)
    found = sorted(FINDINGS.iterdir())
    (BUILD / "inputs.json").write_text(json.dumps(counts, indent=1))
    print(f"{sum(counts.values())} inputs to {len(counts)} targets, {'guided' if is_guided else 'at random'}")
    for path in found:
        print(f"FOUND {path}")
    return 1 if found else 0


def guided(targets: list[Target], seconds: int) -> dict[str, int]:
    """Each target in a process of its own (libFuzzer's way), for an equal share of the time."""
    share_s = max(seconds // len(targets), 5)
    counts = {}
    for target in targets:
        command = [sys.executable, "-m", "tests.fuzz.guided", target.name, str(share_s), str(BUILD)]
        done = subprocess.run(
            command, capture_output=True, text=True, errors="replace", timeout=_LONGEST_S, check=False
        )
        counts[target.name] = _executed(done.stderr)
        print(f"{target.name}: {counts[target.name]} inputs", flush=True)
        if done.returncode != 0:
            (BUILD / f"{target.name}.log").write_text(done.stdout + done.stderr)
            print(f"{target.name}: see {BUILD / target.name}.log", flush=True)
    return counts


def _executed(log: str) -> int:
    """How many inputs libFuzzer says that it has run."""
    found = re.search(r"^stat::number_of_executed_units:\s*(\d+)", log, re.MULTILINE)
    return int(found[1]) if found else 0


def blind(targets: list[Target], seconds: int) -> dict[str, int]:
    """Mutations of the seeds, round after round, a second for each target."""
    chance = random.Random()
    counts = dict.fromkeys((target.name for target in targets), 0)
    until_s = time.monotonic() + seconds
    failed: set[str] = set()
    while time.monotonic() < until_s:
        for target in targets:
            round_s = time.monotonic() + _ROUND_S
            while target.name not in failed and time.monotonic() < min(round_s, until_s):
                data = mutate(target.seeds, chance.randrange(2**62), target.max_bytes)
                counts[target.name] += 1
                if not survives(target, data):
                    failed.add(target.name)
        if len(failed) == len(targets):
            break
    return counts


def survives(target: Target, data: bytes) -> bool:
    """Whether the target does with this input what it should; if not, the input is kept."""
    try:
        target.accepts(data)
    except Exception:  # noqa: BLE001 - whatever it is, it is a finding
        traceback.print_exc()
        (FINDINGS / f"{target.name}-{sha256(data).hexdigest()[:12]}").write_bytes(data)
        return False
    return True


if __name__ == "__main__":
    sys.exit(main())
