"""From the claims of a request and a verified token to the caller."""

from rune.errors import TokenRejected
from rune.model.caller import Caller, TokenIdentity
from rune.mount.request import Claim


def verified_caller(claim: Claim, identity: TokenIdentity, *, cluster: str, node: str = "") -> Caller:
    """Who asks, if the token is that of the very pod that the request names, and the pod is one of this node.

    Args:
        claim: what the request says.
        identity: what the Kubernetes API says of the token.
        cluster: this cluster's name, from the provider's own configuration.
        node: this node's, likewise; empty: not compared, and neither is a token whose node nobody knows.

    Raises:
        TokenRejected: one of the five differs. The names are the pod's own, or public to whoever lists pods.
    """
    pairs = (
        ("namespace", claim.namespace, identity.namespace),
        ("service account", claim.service_account, identity.service_account),
        ("pod", claim.pod_name, identity.pod_name),
        ("pod UID", claim.pod_uid, identity.pod_uid),
    )
    for name, claimed, proved in pairs:
        if claimed != proved or not proved:
            raise TokenRejected(
                f"the token is of another {name} than the request says: {proved[:80] or 'none'}, not {claimed[:80]}",
                mend="let the kubelet make the token (tokenRequests on the CSIDriver object), don't write it yourself",
            )
    if node and identity.node and identity.node != node:
        raise TokenRejected(
            f"the token is of a pod on another node: {identity.node[:80]}, and this is {node[:80]}",
            mend="a pod is served on its own node alone; if this is it, --node-name must be its Node object's name",
        )
    return Caller(cluster, identity.namespace, identity.service_account, identity.pod_name, identity.pod_uid)
