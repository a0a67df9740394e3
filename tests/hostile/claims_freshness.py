"""Claims about how old a state can be that a node serves."""

from typing import Final

from tests.hostile.claims import Chapter, Claim

_MARK: Final = "the mark in the state folder, recorded before anything is used"
_SIGNED_TIME: Final = "the newest signed time that was accepted is part of the mark"

FRESHNESS: Final = Chapter(
    "Freshness",
    "Replays, forks, freezing and silence of a registry stand in hostile-registry.md; here is what else could bring an "
    "old state back, and how people get on.",
    (
        Claim("killed-before-the-mark", "a provider is killed before it has recorded the mark of a new state", _MARK),
        Claim(
            "killed-after-the-mark",
            "a provider is killed when the mark is recorded and nothing is answered yet; the state before is shown",
            _MARK,
        ),
        Claim(
            "mark-that-others-can-write",
            "a state folder that others can write to",
            "it is refused rather than believed",
        ),
        Claim("damaged-mark", "a mark that can't be read any more", "it is refused rather than forgotten"),
        Claim(
            "mark-of-an-epoch",
            "spec.epoch is raised and lowered again, to begin anew below the mark",
            "a mark for each epoch, none of which is removed",
        ),
        Claim(
            "crossed-commits",
            "two commits cross, and nodes have accepted either",
            "the mark; told by metric and condition",
        ),
        Claim("expired-head", "a head that has expired, while the store is still the same", "the head's expiry"),
        Claim(
            "refresh-job",
            "the job that keeps heads fresh is taken over",
            "it holds the freshness key and no token of the cluster",
        ),
        Claim(
            "burnt-revisions",
            "a stolen writers' key signs revision 9999999999",
            "the administrator raises the epoch, `rune epoch` goes on from a snapshot that a person names",
        ),
        Claim(
            "stolen-key-in-the-new-epoch",
            "the stolen key signs a head of the new epoch",
            "the key is no signer of it any more",
        ),
        Claim("old-epoch-again", "the head of the old epoch is shown again", "spec.epoch"),
        Claim("clock-set-back", "the node's clock is set back a week", _SIGNED_TIME),
        Claim(
            "clock-set-back-for-an-old-head",
            "the clock is set back to when an older head of the same snapshot hadn't expired, which is shown again",
            _SIGNED_TIME,
        ),
        Claim("clock-set-forward", "the node's clock is set forward a year", "the head's expiry"),
        Claim("rollback-by-the-registry", "the registry shows the state that people want to go back to", _MARK),
    ),
)
