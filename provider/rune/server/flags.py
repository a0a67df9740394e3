"""The flags of `rune-provider`."""

import argparse
from pathlib import Path
from typing import Final

import rune
from rune.wiring.daemon_config import DaemonConfig

_LEVELS: Final = ("DEBUG", "INFO", "WARNING", "ERROR")


def parser() -> argparse.ArgumentParser:
    """What `rune-provider` understands; docs/mount.md has the same."""
    made = argparse.ArgumentParser(
        prog="rune-provider",
        description="Serves verified secrets from OCI registries to the Secrets Store CSI driver of this node.",
        epilog="What a mount may ask for: docs/mount.md.",
        allow_abbrev=False,
    )
    add = made.add_argument
    add("--version", action="version", version=f"rune-provider {rune.__version__}")
    add("--cluster-name", default="", metavar="NAME", help="this cluster's name, for policies and bound values")
    add("--node-name", metavar="NAME", help="this node's name: pods of others are refused; not compared if left out")
    add("--token-audience", action="append", metavar="NAME", help="audience of pods' tokens; repeatable (rune)")
    add(
        "--state-dir",
        type=Path,
        default=Path("/var/lib/rune"),
        metavar="DIR",
        help="marks and ciphertext (%(default)s)",
    )
    add(
        "--providers-dir",
        type=Path,
        default=Path("/var/run/secrets-store-csi-providers"),
        metavar="DIR",
        help="the driver's folder of provider sockets (%(default)s)",
    )
    add("--namespace", default="rune-system", metavar="NAME", help="the provider's own namespace (%(default)s)")
    add("--kubeconfig", type=Path, metavar="FILE", help="how to reach the Kubernetes API outside of a cluster")
    add(
        "--config-dir", type=Path, metavar="DIR", help="stores and Secrets from YAML files, not from the Kubernetes API"
    )
    add(
        "--http-address",
        default="127.0.0.1:8093",
        metavar="HOST:PORT",
        help="for /livez, /readyz and /metrics; empty for none (%(default)s)",
    )
    add("--takeover", action="store_true", help="take the socket from a running provider, as in a rolling update")
    add("--log-level", choices=_LEVELS, default="INFO", help="(%(default)s)")
    # From rune.server.supervisor: its pipe, and how often it has started us before.
    add("--lifeline", type=int, help=argparse.SUPPRESS)
    add("--restarts", type=int, default=0, help=argparse.SUPPRESS)
    return made


def daemon_config(flags: argparse.Namespace) -> DaemonConfig:
    """The daemon's part of the flags.

    Raises:
        InvalidConfig: a value can't be used.
    """
    return DaemonConfig(
        state_dir=flags.state_dir,
        namespace=flags.namespace,
        cluster_name=flags.cluster_name,
        node_name=flags.node_name,
        audiences=tuple(dict.fromkeys(flags.token_audience or ("rune",))),
        kubeconfig=flags.kubeconfig,
        config_dir=flags.config_dir,
    )
