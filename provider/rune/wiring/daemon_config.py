"""What the provider was started with, checked."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rune.errors import InvalidConfig

# What a policy's `clusters` may name (rune.model.pattern): kept in step, or a rule could never match.
_CLUSTER: Final = re.compile(r"[A-Za-z0-9_.-]{0,253}", re.ASCII)
_NAMESPACE: Final = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?", re.ASCII)
# apimachinery, IsDNS1123Subdomain: what a Node's name must be.
_NODE: Final = re.compile(r"(?=.{1,253}\Z)[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*", re.ASCII)
_AUDIENCES: Final = 16
_AUDIENCE_CHARS: Final = 512


@dataclass(frozen=True, slots=True)
class DaemonConfig:
    """The flags of rune-provider.

    Raises:
        InvalidConfig: one of them is wrong; the message names it.
    """

    state_dir: Path
    """Marks and ciphertext; survives restarts."""
    namespace: str = "rune-system"
    """The provider's own namespace: keysets are read there and nowhere else."""
    cluster_name: str = ""
    """For policies and for values that are bound to a cluster; empty: none of them applies here."""
    node_name: str | None = None
    """This node's: a pod's token must be of it, where the API server says. None: tokens of all nodes are accepted."""
    audiences: tuple[str, ...] = ("rune",)
    """Audiences of service account tokens that are accepted."""
    kubeconfig: Path | None = None
    """None: the pod's own service account."""
    config_dir: Path | None = None
    """RuneStores and Secrets from files; None: from the Kubernetes API."""

    def __post_init__(self) -> None:
        """Check what can be checked without touching anything."""
        if not _CLUSTER.fullmatch(self.cluster_name):
            raise InvalidConfig("--cluster-name is malformed", mend="use up to 253 letters, digits, _ . -")
        if not _NAMESPACE.fullmatch(self.namespace):
            raise InvalidConfig(
                "--namespace is no name of a namespace", mend="name the namespace of the provider's pods"
            )
        # Empty, or $(NODE_NAME) as it is: a pod whose env is not what we ship must not drop the check unseen.
        if self.node_name is not None and not _NODE.fullmatch(self.node_name):
            raise InvalidConfig(
                "--node-name is no name of a node", mend="take it from spec.nodeName as deploy/ does, or leave it out"
            )
        if not self.audiences or len(self.audiences) > _AUDIENCES:
            raise InvalidConfig("--token-audience must be given 1 to 16 times", mend="leave it out for `rune`")
        for audience in self.audiences:
            if not 0 < len(audience) <= _AUDIENCE_CHARS or not audience.isprintable():
                raise InvalidConfig("--token-audience is empty, too long or unprintable", mend="name one audience")
