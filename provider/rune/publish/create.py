"""The first commit of a store that doesn't exist yet."""

import uuid
from typing import Final

from rune.errors import Conflict, StoreEmpty
from rune.model.clock import Deadline
from rune.model.limits import PUBLISH
from rune.model.store import LATEST
from rune.policy.parse import parse_submitted_policy
from rune.ports import WritableRegistry
from rune.publish.access import Writer
from rune.publish.contents import Contents, Draft
from rune.publish.first import publish_first
from rune.publish.lineage import Lineage
from rune.publish.options import CommitOptions, Outcome
from rune.snapshot.codec import describe_policy, encode_policy

EMPTY_POLICY: Final = b"rules: []\n"
"""Denies everything, and says so."""


def new_store_id() -> str:
    """A random id: whoever knows another store's id can't make one that is taken for it."""
    return uuid.uuid4().hex


def create(writer: Writer, options: CommitOptions, *, policy: bytes = EMPTY_POLICY) -> Outcome:
    """Write and sign a first snapshot without secrets, and its head.

    Args:
        writer: with the new store's id.
        options: who does it, and how long the head may be believed.
        policy: YAML.

    Raises:
        Conflict: there is a store in this place already.
        InvalidPolicyDocument: the policy can't be parsed.
        SigningKeyMissing: a key isn't at hand.
    """
    parse_submitted_policy(policy)
    access = writer.access
    deadline = Deadline.after(PUBLISH.deadline_s, access.clock)
    manifest = encode_policy(policy, store_id=access.store_id)
    draft = Draft(Contents(describe_policy(manifest), {}), (policy,), policy_manifest=manifest)
    lineage = Lineage(access.registry, access.store_id, deadline)
    with access.registry.exclusive():
        _require_empty(access.registry, deadline)
        return publish_first(
            writer,
            draft,
            parents=(),
            options=options,
            lineage=lineage,
            deadline=deadline,
            last_look=lambda: _require_empty(access.registry, deadline),
        )


def _require_empty(registry: WritableRegistry, deadline: Deadline) -> None:
    try:
        registry.resolve(LATEST, known=None, deadline=deadline)
    except StoreEmpty:
        return
    raise Conflict(
        "there is something behind the tag `latest` in this place already", mend="choose another repository or folder"
    )
