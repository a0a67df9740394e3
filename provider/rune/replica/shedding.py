"""Which states are let go when all stores together hold too much: the next mount reads its own again from the disk.

A tenant may make as many stores as he likes, each with a snapshot of the largest size. What he holds comes out of his
own stores, those that no mount used for longest first (docs/adr/0032).
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Held:
    """What one store keeps in memory."""

    uid: str
    """Of the store's object."""
    tenant: str
    """As rune.replica.workers.Owner says."""
    size: int
    """The bytes of its snapshot's document."""
    used_s: float
    """When a mount used it last, monotonic."""


def to_let_go(held: Iterable[Held], max_bytes: int) -> set[str]:
    """The stores, by UID, whose states don't fit: always of the tenant that holds most.

    Args:
        held: what each store keeps.
        max_bytes: of all together.
    """
    left = sorted(held, key=lambda each: each.used_s, reverse=True)
    of_tenant: Counter[str] = Counter()
    for each in left:
        of_tenant[each.tenant] += each.size
    gone: set[str] = set()
    while of_tenant.total() > max_bytes:
        largest = max(reversed(of_tenant), key=lambda tenant: of_tenant[tenant])
        oldest = next(index for index in reversed(range(len(left))) if left[index].tenant == largest)
        each = left.pop(oldest)
        of_tenant[largest] -= each.size
        gone.add(each.uid)
    return gone
