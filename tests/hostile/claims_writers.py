"""Claims about what an honest writer can be brought to sign."""

from typing import Final

from tests.hostile.claims import Chapter, Claim

_BASE: Final = "the base is accepted by the rules of a node, the writer's own mark included"

WRITERS: Final = Chapter(
    "Writers",
    "Somebody holds the registry, or some of the keys, when another one commits. A column of hostile-registry.md has "
    "what `rune set` makes of every lie there. Whatever was refused: nothing is signed, and `latest` stays.",
    (
        Claim("base-by-a-stranger", "a head that a stranger signed", _BASE),
        Claim(
            "base-with-a-forged-policy",
            "a head and a snapshot by the right keys, with a policy that nobody signed",
            _BASE,
        ),
        Claim(
            "base-that-is-old",
            "an older snapshot, with all its signatures, for a writer who has seen a newer one",
            _BASE,
        ),
        Claim("base-that-is-a-fork", "another snapshot of the revision that the writer has seen", _BASE),
        Claim(
            "base-that-has-expired",
            "an expired head, for a writer without memory",
            "without a mark, a head must not have expired, or `--expect-revision` says which it is",
        ),
        Claim(
            "base-for-a-writer-without-memory",
            "an older head that hasn't expired, for a writer without memory",
            "`--expect-revision`",
        ),
        Claim(
            "base-that-never-expires",
            "a head without an expiry, for a writer without memory",
            "a warning; the next commit has a mark",
        ),
        Claim(
            "values-by-the-public-keyset",
            "a snapshot with values that anyone can seal with the public keyset, unsigned, under a commit's tag",
            "only a writer's signature makes a commit of it",
        ),
        Claim(
            "policy-beside-the-head",
            "a commit by the writers' key with a policy that nobody signed, for others to merge",
            "a commit beside the head counts if its policy is a policy signer's",
        ),
        Claim(
            "policy-by-a-crossing-commit",
            "a commit of values that crosses one of the policy",
            "merges leave the policy to whoever changed it",
        ),
        Claim("two-policies", "two commits of policies that cross", "policies are never merged"),
    ),
)
