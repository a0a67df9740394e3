"""From a verified caller and entries to values: steps 4 to 7 of a mount (docs/mount.md), in their order."""

from collections.abc import Sequence

from rune.errors import InvalidParameter
from rune.model.caller import Caller
from rune.model.clock import Deadline
from rune.model.limits import MOUNT
from rune.model.oci import Descriptor
from rune.reading.authorise import authorise
from rune.reading.locate import Absent, Chosen, Locator, choose
from rune.reading.outcome import Outcome, Reading, Want
from rune.reading.unseal import Unsealer
from rune.replica.replica import Replica
from rune.replica.state import State

__all__ = ["Outcome", "Reading", "Want", "read"]


def read(caller: Caller, wants: Sequence[Want], replica: Replica, deadline: Deadline) -> Reading:
    """Read every entry by one snapshot.

    Args:
        caller: verified.
        wants: what is asked for.
        replica: the store, which admitted the caller's namespace.
        deadline: of the mount.

    Returns:
        One outcome for each entry. All of them are looked at, so that every failing entry can be named at once.

    Raises:
        RuneError: the store itself can't serve: it isn't fresh, verified or loaded, or more is asked for than
            MOUNT.read_bytes.
    """
    # 4 One snapshot for the whole mount, from memory.
    state = replica.state(deadline)
    reading, missing = _read_once(caller, wants, replica, state, deadline)
    if not missing:
        return reading
    # An allowed path that isn't there may have been written since: one refresh, and from the start again.
    newer = replica.refresh_for_missing(deadline)
    if newer.accepted is state.accepted:
        return reading
    return _read_once(caller, wants, replica, newer, deadline)[0]


def _read_once(
    caller: Caller, wants: Sequence[Want], replica: Replica, state: State, deadline: Deadline
) -> tuple[Reading, bool]:
    """One pass by one state, and whether anything that was allowed is missing."""
    # 5 Policy for every entry, before any lookup.
    decided = authorise(caller, wants, state)
    if any(outcome.error is not None for outcome in decided):
        return Reading(state.revision, state.digest, decided), False
    # 6 Secrets by digest, then the ciphertext that isn't inline in them.
    replica.note_used(want.path for want in wants)
    located = Locator(replica, state, deadline).locate(wants)
    manifests = [found for found in located if isinstance(found, Descriptor)]
    _bound(manifests)
    secrets = replica.secrets(state, manifests, deadline)
    chosen = [choose(want, found, secrets) for want, found in zip(wants, located, strict=True)]
    contents = [value.content for one in chosen if isinstance(one, Chosen) for value in one.values]
    _bound([*manifests, *contents])
    remote = replica.ciphertexts(state, (content for content in contents if content.data is None), deadline)
    # 7 Decrypt, with the keyset that each value names, for this caller.
    unsealer = Unsealer(caller, state.spec.store_id, state.parts.keysets)
    outcomes = tuple(unsealer.outcome(outcome, one, remote) for outcome, one in zip(decided, chosen, strict=True))
    return Reading(state.revision, state.digest, outcomes), any(isinstance(one, Absent) for one in chosen)


def _bound(contents: Sequence[Descriptor]) -> None:
    """Refuse before it is fetched what would be too much to hold; the same content counts once."""
    total = sum({content.digest: content.size for content in contents}.values())
    if total > MOUNT.read_bytes:
        raise InvalidParameter(
            f"the objects of this mount come to {total} bytes, more than {MOUNT.read_bytes}",
            mend="name single keys, or split the objects among several volumes",
        )
