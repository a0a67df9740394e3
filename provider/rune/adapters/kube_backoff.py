"""Growing, uneven pauses between attempts, so that a server in trouble isn't asked by all nodes at once."""

import random

from rune.model.limits import KUBERNETES, KubernetesLimits


class Backoff:
    """The pauses of one thing that is tried again and again. For one thread."""

    def __init__(self, limits: KubernetesLimits = KUBERNETES, rng: random.Random | None = None) -> None:
        self._limits = limits
        self._rng = rng if rng is not None else random.SystemRandom()
        self._longest_s = limits.backoff_initial_s

    def next_s(self) -> float:
        """How long to wait now, in seconds: between half of the current pause and all of it; then it doubles."""
        longest_s = self._longest_s
        self._longest_s = min(2 * longest_s, self._limits.backoff_max_s)
        return longest_s * self._rng.uniform(0.5, 1.0)

    def reset(self) -> None:
        """It worked: begin with the shortest pause again."""
        self._longest_s = self._limits.backoff_initial_s
