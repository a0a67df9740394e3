"""Claims about what the author of a pod can write into its volume."""

from typing import Final

from tests.hostile.claims import Chapter, Claim

_PATHS: Final = "a path is letters, digits, _ . - in segments, compared byte for byte"
_NAMES: Final = "a file's name is normalised, and must stay in the volume and be the only one of its name"
_ABSENCE: Final = "`optional` covers absence from a verified snapshot and nothing else"

REQUESTS: Final = Chapter(
    "Requests",
    "The author of a pod writes its SecretProviderClass, and the volume's attributes, which override it.",
    (
        Claim(
            "path-tricks",
            "dot segments, doubled and trailing slashes, look-alikes and full-width letters, NUL and line breaks, "
            "percent-encoding, backslashes, globs, 4,096 characters, to reach a path that is denied",
            _PATHS,
        ),
        Claim("path-in-another-case", "a denied path in capitals", _PATHS),
        Claim(
            "file-outside-of-the-volume", "file and folder names that leave the volume, or are the driver's own", _NAMES
        ),
        Claim("files-of-one-name", "two files whose names are one after they were normalised", _NAMES),
        Claim("file-as-a-folder", "a file where another one needs a folder", _NAMES),
        Claim("file-of-a-keys-name", "all keys of a secret as files, one of which another entry makes", _NAMES),
        Claim(
            "file-hidden-in-a-template",
            "a template that names a path, an attribute or code",
            "a template names keys of one secret",
        ),
        Claim(
            "jmespath-bomb",
            "expressions that double their result, or nest deeply",
            "expressions may select, not build; 512 characters",
        ),
        Claim(
            "template-bomb",
            "a template that repeats a large value, and filters that grow it",
            "a rendered file has 1 MiB at most",
        ),
        Claim(
            "yaml-bomb",
            "aliases that multiply, deep nesting, 64 KiB, a thousand entries",
            "YAML without aliases, bounded before it is parsed",
        ),
        Claim(
            "all-at-once",
            "so many large secrets that the provider would run out of memory",
            "8 MiB of ciphertext a mount",
        ),
        Claim(
            "attributes-that-override",
            "volume attributes with other objects than the SecretProviderClass",
            "the policy decides on what is in effect, and the audit line says it",
        ),
        Claim("attributes-that-are-unknown", "volume attributes that nobody knows", "what is not known is refused"),
        Claim("attributes-of-the-kubelet", "a volume attribute that says which pod it is", "the token says who it is"),
        Claim("secret-beside-the-attributes", "a nodePublishSecretRef", "a pod is known by its token alone"),
        Claim("optional-denied", "`optional` on a denied path", _ABSENCE),
        Claim("optional-and-undecryptable", "`optional` where a value doesn't decrypt", _ABSENCE),
        Claim("optional-and-withheld", "`optional` where the registry withholds a secret", _ABSENCE),
        Claim("optional-and-unreachable", "`optional` in a store that was never reached", _ABSENCE),
        Claim("optional-and-a-stranger", "`optional` in a store whose head a stranger signed", _ABSENCE),
        Claim(
            "pin-of-a-removed-secret", "a pinned snapshot from before a secret was removed", "the path must exist today"
        ),
        Claim(
            "pin-of-an-allowing-policy", "a pinned snapshot from before the policy denied it", "today's policy decides"
        ),
        Claim(
            "pin-below-the-bound",
            "a pinned snapshot below minPinRevision, with a value that has leaked",
            "spec.minPinRevision",
        ),
        Claim(
            "pin-of-a-removed-signer",
            "a pinned snapshot that a signer wrote who is one no more",
            "today's signers must have signed it",
        ),
        Claim(
            "pin-outside-of-the-history",
            "a pinned revision that never was, or that is still to come",
            "the head's history names what can be pinned",
        ),
    ),
)
