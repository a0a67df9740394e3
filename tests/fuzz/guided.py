"""One target under atheris, Google's coverage-guided fuzzer: `python -m tests.fuzz.guided TARGET SECONDS FOLDER`.

A process of its own for each target, because libFuzzer ends its process. Half of the mutations are ours, which keep
JSON JSON; the others are libFuzzer's, which follow what the code compares.
"""

import importlib
import sys
from pathlib import Path

from tests.fuzz.mutation import TOKENS, mutate

_RSS_MIB = 1_024
_INPUT_S = 20
"""Instrumented, everything takes several times as long."""


def main() -> None:
    """Fuzz until the time is over or something is found."""
    name, seconds, folder = sys.argv[1], int(sys.argv[2]), Path(sys.argv[3])
    # It is in no lock file: `make fuzz` does without it where it isn't installed.
    atheris = importlib.import_module("atheris")
    with atheris.instrument_imports(include=["rune"]):
        targets = importlib.import_module("tests.fuzz.targets").TARGETS
    target = targets[name]
    corpus, findings = folder / "corpus" / name, folder / "findings"
    for place in (corpus, findings):
        place.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(target.seeds):
        (corpus / f"seed-{number}").write_bytes(seed)
    words = folder / "words"
    words.write_text("".join('"' + "".join(f"\\x{byte:02x}" for byte in token) + '"\n' for token in TOKENS))

    def attack(data: bytes) -> None:
        target.accepts(data)

    def change(data: bytes, max_size: int, seed: int) -> bytes:
        if seed % 2:
            return mutate((data, *target.seeds), seed, min(max_size, target.max_bytes))
        changed: bytes = atheris.Mutate(data, len(data))
        return changed

    options = [
        f"-max_total_time={seconds}",
        f"-max_len={target.max_bytes}",
        f"-rss_limit_mb={_RSS_MIB}",
        f"-timeout={_INPUT_S}",
        f"-artifact_prefix={findings}/{name}-",
        f"-dict={words}",
        "-print_final_stats=1",
    ]
    atheris.Setup([sys.argv[0], *options, str(corpus)], attack, custom_mutator=change)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
