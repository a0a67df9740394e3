"""`rune demo` plays to its end with the real provider, and shows what it says it shows."""

import subprocess
import sys
import tempfile
from pathlib import Path


def test_the_demo_publishes_mounts_denies_rotates_and_refuses(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "rune.cli.main", "demo"],
        capture_output=True,
        text=True,
        timeout=180,
        env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "TMPDIR": tempfile.gettempdir()},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    shown = done.stderr
    steps = [line for line in shown.splitlines() if line[:1].isdigit()]
    assert [step.split(".")[0] for step in steps] == [str(number) for number in range(1, 10)]
    for token in ("RUNE_POLICY_DENIED", "RUNE_STORE_ROLLED_BACK", "RUNE_SIGNATURE_INVALID"):
        assert token in shown
    assert "postgres://payments:" in shown
    assert not list(tmp_path.iterdir()), "the demo wrote into the user's home"
