"""Lies in which state of the store is the current one."""

import json
from dataclasses import replace
from typing import Final

from rune.model.store import LATEST, Revision
from rune.snapshot.codec import encode_snapshot
from tests.hostile.forge import Document, Forger
from tests.hostile.lie import Lie, refused, silence

_ROLLED_BACK: Final = "RUNE_STORE_ROLLED_BACK"
_FORKED: Final = "RUNE_STORE_FORKED"


def _times(forger: Forger, created: str, expires: str) -> None:
    times = {"io.rune.created": created, "io.rune.expires": expires}
    forger.alter_head(
        lambda head: head.update(annotations=dict(sorted({**head["annotations"], **times}.items()))),
        forger.store.signer,
    )


def _expired(forger: Forger) -> None:
    _times(forger, "2026-01-01T00:00:00Z", "2026-01-08T00:00:00Z")


def _from_the_future(forger: Forger) -> None:
    _times(forger, "2199-01-01T00:00:00Z", "2199-01-08T00:00:00Z")


def _untagged(forger: Forger) -> None:
    del forger.content.tagged[LATEST]


def _fork(forger: Forger) -> None:
    """Another third revision with the same secrets."""
    fork = replace(forger.snapshot(), message="the other one")
    forger.put_snapshot(encode_snapshot(fork), forger.store.signer)


def _later_fork(forger: Forger) -> None:
    """A fourth revision whose past has no third."""
    older = forger.head().history[1]
    fork = replace(forger.snapshot(), revision=Revision(1, 4), previous=(older.digest,))
    put = forger.put_snapshot(encode_snapshot(fork))

    def rewrite(head: Document) -> None:
        history = [entry for entry in head["annotations"]["io.rune.history"].split(",") if not entry.startswith("3@")]
        head["annotations"].update(
            {"io.rune.revision": "4", "io.rune.history": ",".join([f"4@{put.digest}", *history])}
        )

    forger.alter_head(rewrite, forger.store.signer)
    forger.sign(put)


def _older_snapshot(forger: Forger) -> None:
    """The real head, and the snapshot before under its snapshot's digest."""
    head = json.loads(forger.data(forger.content.tagged[LATEST]))
    older = forger.head().history[1].digest
    forger.answer(head["manifests"][0]["digest"], forger.data(older))


LIES: Final = (
    Lie(
        "replay-of-revision-1",
        "shows the first snapshot again, with all its signatures",
        new="RUNE_SECRET_NOT_FOUND",
        known=_ROLLED_BACK,
        seen=3,
        shown=1,
        accepted=("new",),
    ),
    Lie(
        "replay-of-revision-2",
        "shows the second snapshot again, with all its signatures",
        new=2,
        known=_ROLLED_BACK,
        seen=3,
        shown=2,
        accepted=("new",),
    ),
    refused(
        "older-snapshot",
        "gives the second snapshot under the third one's digest",
        "RUNE_DIGEST_MISMATCH",
        alter=_older_snapshot,
    ),
    refused(
        "expired-head", "shows a head that a writer signed and that has expired", "RUNE_HEAD_EXPIRED", alter=_expired
    ),
    refused(
        "head-from-the-future",
        "shows a head that a writer signed for a time to come",
        "RUNE_CLOCK_BEHIND",
        alter=_from_the_future,
    ),
    Lie(
        "fork",
        "shows another third snapshot, signed by the same writer",
        new=3,
        known=_FORKED,
        alter=_fork,
        seen=3,
        accepted=("new",),
        signed=True,
    ),
    Lie(
        "later-fork",
        "shows a fourth snapshot that doesn't descend from the third, signed by the same writer",
        new=3,
        known=_FORKED,
        alter=_later_fork,
        seen=3,
        accepted=("new",),
        signed=True,
    ),
    silence("latest-removed", "says that there is no head", "RUNE_STORE_EMPTY", alter=_untagged),
)
