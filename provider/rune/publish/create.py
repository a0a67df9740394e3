"""The first commit of a store that doesn't exist yet."""

import uuid
from datetime import timedelta

from rune.errors import Conflict, StoreEmpty
from rune.model.clock import Deadline
from rune.model.limits import PUBLISH
from rune.model.store import LATEST, Revision
from rune.policy.parse import parse_policy
from rune.ports import WritableRegistry
from rune.publish.access import Writer
from rune.publish.contents import Contents, Draft
from rune.publish.heads import move_latest, next_head, remember, signing_time
from rune.publish.lineage import Lineage
from rune.publish.options import Outcome
from rune.publish.signatures import require_policy_signer, sign_policy
from rune.publish.signing import push_signature
from rune.publish.state import State
from rune.publish.upload import Upload
from rune.snapshot.codec import describe_policy, encode_policy

EMPTY_POLICY = b"rules: []\n"
"""Denies everything, and says so."""


def new_store_id() -> str:
    """A random id: whoever knows another store's id can't make one that is taken for it."""
    return uuid.uuid4().hex


def create(
    writer: Writer, *, policy: bytes = EMPTY_POLICY, author: str, lifetime: timedelta | None, message: str = "create"
) -> Outcome:
    """Write and sign a first snapshot without secrets, and its head.

    Args:
        writer: with the new store's id.
        policy: YAML.
        author: who does it.
        lifetime: how long the head may be believed; None: without limit.
        message: for the log.

    Raises:
        Conflict: there is a store in this place already.
        PolicyInvalid: the policy can't be parsed.
        SigningKeyMissing: a key isn't at hand.
    """
    parse_policy(policy)
    access = writer.access
    deadline = Deadline.after(PUBLISH.deadline_s, access.clock)
    manifest = encode_policy(policy)
    descriptor = describe_policy(manifest)
    draft = Draft(Contents(descriptor, {}), (policy,), policy_manifest=manifest)
    signer = writer.signers.need_writer()
    with access.registry.exclusive():
        _require_empty(access.registry, deadline)
        require_policy_signer(writer, descriptor, deadline=deadline)
        tip = Upload(writer, deadline).snapshot(
            State(draft, (), Revision(access.epoch, 0), tip=None),
            draft,
            created=signing_time(access, None),
            author=author,
            message=message,
        )
        sign_policy(writer, descriptor, deadline=deadline)
        push_signature(access.registry, signer, tip.descriptor, deadline=deadline)
        lineage = Lineage(access.registry, access.store_id, deadline)
        lineage.learn(tip.digest, tip.snapshot)
        head = next_head(access, None, tip, lineage, lifetime)
        _require_empty(access.registry, deadline)
        move_latest(writer, None, head, deadline=deadline)
    remember(access, head)
    return Outcome(head, changed=True)


def _require_empty(registry: WritableRegistry, deadline: Deadline) -> None:
    try:
        registry.resolve(LATEST, known=None, deadline=deadline)
    except StoreEmpty:
        return
    raise Conflict(
        "there is something behind the tag `latest` in this place already", mend="choose another repository or folder"
    )
