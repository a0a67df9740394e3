"""Policy for every entry before anything is looked up, so that a denied caller learns nothing of what exists."""

from collections.abc import Sequence

from rune.errors import PolicyDenied
from rune.model.caller import Caller
from rune.model.records import EntryDecision
from rune.policy import decide
from rune.reading.outcome import Outcome, Want
from rune.replica.state import State


def authorise(caller: Caller, wants: Sequence[Want], state: State) -> tuple[Outcome, ...]:
    """Decide every entry, by the policy of the current snapshot also where an earlier one is pinned.

    Returns:
        One outcome each, with its decision, and an error where that is a denial.
    """
    return tuple(_decided(caller, want, state) for want in wants)


def _decided(caller: Caller, want: Want, state: State) -> Outcome:
    decision = decide(state.accepted.policy, state.ceiling, caller, want.path)
    rule = decision.rule or decision.why
    if decision.allowed:
        return Outcome(want, EntryDecision(want.path, allowed=True, rule=rule))
    error = PolicyDenied(
        f"{caller} may not read {want.path}: {decision.why}",
        mend="correct the path, or have a writer allow it (`rune policy edit`, `rune policy test`)",
    )
    return Outcome(want, EntryDecision(want.path, allowed=False, rule=rule, reason=error.reason), error=error)
