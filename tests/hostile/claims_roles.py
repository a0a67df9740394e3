"""Claims about what a key of one role can't do."""

from typing import Final

from tests.hostile.claims import Chapter, Claim

_WRITER: Final = "a snapshot needs a writer's signature"
_HEAD: Final = "a head needs a freshness signer's signature"
_POLICY: Final = "the policy needs a policy signer's signature"
_OWN: Final = "what is signed is judged as its readers would, before it is put"

ROLES: Final = Chapter(
    "Roles",
    "Three keys: `freshness` signs heads and does nothing else, the writers' key is a pipeline's that puts values, "
    "`policySigners` decide on access. Each is in the hands of a thief in turn.",
    (
        Claim("freshness-puts-values", "the freshness key signs a snapshot of its own and a head for it", _WRITER),
        Claim(
            "freshness-puts-unsigned-values",
            "the freshness key signs a head for a snapshot that nobody signed",
            _WRITER,
        ),
        Claim(
            "freshness-renumbers",
            "the freshness key signs a head that shows the first snapshot as the third",
            "head and snapshot must be of one revision",
        ),
        Claim("freshness-goes-back", "the freshness key signs a new head for the first snapshot", "the node's mark"),
        Claim(
            "freshness-rewrites-history",
            "the freshness key signs a head whose history names a snapshot of its own, which a pod pins",
            _WRITER,
        ),
        Claim(
            "freshness-changes-the-policy", "the freshness key signs a policy, a snapshot with it and a head", _WRITER
        ),
        Claim("freshness-commits", "the freshness key is all that `rune set` has", "a snapshot needs a writer's key"),
        Claim("freshness-commits-as-a-writer", "the freshness key is given to `rune set` as the writers'", _OWN),
        Claim(
            "freshness-of-another-store",
            "the freshness key signs a head for a snapshot of another store",
            "head and snapshot must be of one store",
        ),
        Claim("writer-signs-a-head", "the writers' key signs a snapshot and its head", _HEAD),
        Claim("writer-refreshes", "the writers' key is given to `rune refresh` as the freshness key", _OWN),
        Claim(
            "writer-grants-itself",
            "a pipeline without the policy key commits a policy that allows it",
            "nothing is written before a policy's signature is at hand",
        ),
        Claim("writer-signs-a-policy", "a pipeline gives its own key as the policy key", _OWN),
        Claim("writer-forges-a-policy", "writers' and freshness key put a policy that nobody signed", _POLICY),
        Claim("writer-copies-a-signature", "the same, with the signature of the policy that is in force", _POLICY),
        Claim(
            "writer-puts-a-policy-back",
            "writers' and freshness key put a policy that was signed, and replaced by one that takes access away",
            "of signed policies, none comes after one of a higher serial",
        ),
        Claim(
            "writer-takes-a-policy-away-first",
            "the same, with a snapshot without a policy in between",
            "the highest serial is part of the mark",
        ),
        Claim(
            "writer-puts-another-store-s-policy",
            "writers' and freshness key put a policy that the same policy key signed for another store",
            "a policy's manifest names its store",
        ),
        Claim(
            "writer-takes-the-policy-away",
            "writers' and freshness key put a snapshot without a policy",
            "without a policy everything is denied",
        ),
        Claim("policy-signer-puts-values", "the policy key signs a snapshot and a head", _HEAD),
        Claim("policy-signer-commits", "the policy key is given to `rune set` as the writers'", _OWN),
        Claim(
            "removed-writer",
            "a state that was accepted before its writer's key was taken out of the RuneStore",
            "a changed spec judges everything anew",
        ),
    ),
)
