"""The `rune-provider` command: flags, start, wait for a signal, stop."""

import argparse
import gc
import logging
import signal
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import rune
from rune.adapters.telemetry import CONTENT_TYPE
from rune.adapters.telemetry_log import configure_logging
from rune.errors import RuneError
from rune.model.clock import Clock, Deadline, SystemClock
from rune.server.http import HttpServer
from rune.server.probe import RoundTrip
from rune.server.serve import ProviderServer
from rune.server.socket import ProviderSocket
from rune.wiring.daemon import Daemon, build_daemon
from rune.wiring.daemon_config import DaemonConfig

_LOG: Final = logging.getLogger("rune.server")
_STORES_WAIT_S: Final = 15.0
_STORES_POLL_S: Final = 0.05
_LEVELS: Final = ("DEBUG", "INFO", "WARNING", "ERROR")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run until SIGTERM or SIGINT.

    Returns:
        The exit code: 0 after a stop that answered every call, else the error's (docs/errors.md).
    """
    flags = _parser().parse_args(arguments)
    configure_logging(level=flags.log_level)
    try:
        return _run(flags)
    except RuneError as error:
        _LOG.error("%s", error)
        sys.stderr.write(f"rune-provider: {error}\n")
        return error.exit_code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="rune-provider",
        description="Serves verified secrets from OCI registries to the Secrets Store CSI driver of this node.",
        epilog="What a mount may ask for: docs/mount.md.",
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("--version", action="version", version=f"rune-provider {rune.__version__}")
    add("--cluster-name", default="", metavar="NAME", help="this cluster's name, for policies and bound values")
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
    return parser


def _config(flags: argparse.Namespace) -> DaemonConfig:
    return DaemonConfig(
        state_dir=flags.state_dir,
        namespace=flags.namespace,
        cluster_name=flags.cluster_name,
        audiences=tuple(dict.fromkeys(flags.token_audience or ("rune",))),
        kubeconfig=flags.kubeconfig,
        config_dir=flags.config_dir,
    )


def _run(flags: argparse.Namespace) -> int:
    clock = SystemClock()
    socket = ProviderSocket(flags.providers_dir)
    daemon = build_daemon(_config(flags), clock)
    server = ProviderServer(daemon.mounts, socket, clock=clock, version=rune.__version__)
    probe = RoundTrip(socket.path)
    http = _http(flags.http_address, daemon, server, probe)
    stopped = _await_signals(server)
    daemon.start()
    try:
        _await_stores(daemon, clock, stopped)
        server.start(takeover=flags.takeover)
        # What is here now stays: no collection needs to look through it again.
        gc.freeze()
        if http is not None:
            http.start()
        _LOG.info("serving %s", socket.path)
        stopped.wait()
        _LOG.info("stopping: the driver connects anew, then what is under way is finished")
        return 0 if server.stop() else 1
    finally:
        daemon.stop()
        probe.close()
        if http is not None:
            http.stop()


def _await_stores(daemon: Daemon, clock: Clock, stopped: threading.Event) -> None:
    """Don't take a place in which another provider may still serve before we can; nor wait for a dead API forever."""
    deadline = Deadline.after(_STORES_WAIT_S, clock)
    while not daemon.is_ready() and deadline.remaining_s() > 0 and not stopped.wait(_STORES_POLL_S):
        pass


def _http(address: str, daemon: Daemon, server: ProviderServer, probe: RoundTrip) -> HttpServer | None:
    if not address:
        return None
    ready = {
        "stopping": lambda: not server.draining,
        "the stores are not listed yet": daemon.is_ready,
        "the socket does not answer": probe.answers,
    }
    return HttpServer(address, ready=ready, metrics=lambda: (CONTENT_TYPE, daemon.metrics.exposition()))


def _await_signals(server: ProviderServer) -> threading.Event:
    """An event for the first signal; the second one no longer waits for the driver to connect anew."""
    stopped = threading.Event()

    def receive(number: int, frame: object) -> None:  # noqa: ARG001  # signal's signature
        if stopped.is_set():
            server.hurry()
        stopped.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, receive)
    return stopped


if __name__ == "__main__":
    sys.exit(main())
