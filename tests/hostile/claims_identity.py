"""Claims about who a pod is."""

from typing import Final

from tests.hostile.claims import Chapter, Claim

_SAME: Final = "the token's namespace, service account, pod and UID must be those of the request"
_REVIEW: Final = "TokenReview"
_AUDIENCE: Final = "the audiences that the TokenReview grants must hold one of ours"

IDENTITY: Final = Chapter(
    "Identity",
    "Asked of a real API server, by a provider with the rights that deploy/ gives it.",
    (
        Claim("token-of-another-pod", "the token of another pod of the same service account", _SAME),
        Claim("token-of-another-service-account", "the token of another service account's pod", _SAME),
        Claim("token-of-another-namespace", "the token of a pod of the same name in another namespace", _SAME),
        Claim("claim-of-another-name", "its own token, another pod's name in the request", _SAME),
        Claim("claim-of-another-uid", "its own token, another pod's UID in the request", _SAME),
        Claim("claim-of-another-namespace", "its own token, another namespace in the request", _SAME),
        Claim("claim-of-another-account", "its own token, another service account in the request", _SAME),
        Claim("remembered-token", "a token that was accepted a moment ago, for another pod", _SAME),
        Claim("token-of-a-deleted-pod", "the token of a pod that was deleted and made anew under its name", _REVIEW),
        Claim(
            "token-of-a-deleted-pod-remembered",
            "a token that was accepted before its pod was deleted, a minute later",
            "answers are remembered for a minute at most",
        ),
        Claim("token-of-another-audience", "a token for another audience, sent as if it were for ours", _AUDIENCE),
        Claim("token-of-the-api-server", "a token for the API server's own audience", _AUDIENCE),
        Claim(
            "audience-not-ours", "a token for another audience, sent as what it is", "only our audiences are looked at"
        ),
        Claim("token-of-another-issuer", "a token of another issuer, signed by the cluster's key", _REVIEW),
        Claim("token-of-another-key", "a token with all the right claims, signed by another key", _REVIEW),
        Claim("unsigned-token", "a token with all the right claims and no signature", _REVIEW),
        Claim("expired-token", "a token that has expired", _REVIEW),
        Claim("token-of-no-pod", "a service account's token that is bound to no pod", "a token must be bound to a pod"),
        Claim("token-of-a-node", "a service account's token that is bound to a node", "a token must be bound to a pod"),
        Claim("token-of-a-user", "a user's token, a cluster administrator's", "a token must be a service account's"),
        Claim(
            "token-of-another-node",
            "its own token and request, sent to the provider of a node that the pod isn't on",
            "the node that the TokenReview names must be the provider's own",
        ),
        Claim("no-token", "no token at all", "a token is needed"),
        Claim(
            "token-by-the-pods-author",
            "another pod's token in the volume's attributes, beside the kubelet's own",
            "the kubelet's comes first; and the token must be that of the very pod",
        ),
    ),
)
