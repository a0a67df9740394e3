"""The provider itself, as the supervisor's worker: start, wait for a signal, stop."""

import argparse
import gc
import logging
import signal
import sys
import threading
from collections.abc import Sequence
from typing import Final

import rune
from rune.adapters.telemetry import CONTENT_TYPE
from rune.adapters.telemetry_log import configure_logging
from rune.errors import RuneError
from rune.model.clock import SystemClock
from rune.server.flags import daemon_config, parser
from rune.server.http import HttpServer
from rune.server.lifeline import STARTING, Lifeline
from rune.server.probe import RoundTrip
from rune.server.pulse import Pulse
from rune.server.serve import ProviderServer
from rune.server.socket import ProviderSocket
from rune.server.turn import await_turn
from rune.wiring.daemon import Daemon, build_daemon
from rune.wiring.harden import forbid_inspection

_LOG: Final = logging.getLogger("rune.server")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run until SIGTERM or SIGINT, or until the supervisor is gone.

    Returns:
        The exit code: 0 after a stop that answered every call, else the error's (docs/errors.md).
    """
    flags = parser().parse_args(arguments)
    configure_logging(level=flags.log_level)
    forbid_inspection()
    try:
        return _run(flags)
    except RuneError as error:
        _LOG.error("%s", error)
        sys.stderr.write(f"rune-provider: {error}\n")
        return error.exit_code


def _run(flags: argparse.Namespace) -> int:
    clock = SystemClock()
    socket = ProviderSocket(flags.providers_dir)
    daemon = build_daemon(daemon_config(flags), clock)
    daemon.metrics.restarted(flags.restarts)
    server = ProviderServer(daemon.mounts, socket, clock=clock, version=rune.__version__)
    own, shared = RoundTrip(socket.own), RoundTrip(socket.path)
    http = _http(flags.http_address, daemon, server, own, shared)
    stopped = _await_signals(server)
    lifeline = Lifeline(flags.lifeline)
    pulse = Pulse(
        answers=own.answers,
        draining=lambda: server.draining,
        socket=socket,
        lifeline=lifeline,
        orphaned=stopped.set,
    )

    def wait(seconds: float) -> bool:
        """Whether to stop."""
        return stopped.wait(seconds) or not lifeline.beat(STARTING)

    try:
        if http is not None:
            http.start()
        daemon.start()
        if not await_turn(daemon.is_ready, socket.is_served, wait, takeover=flags.takeover, clock=clock):
            return 0
        server.start(takeover=flags.takeover)
        pulse.start()
        # What is here now stays: no collection needs to look through it again.
        gc.freeze()
        _LOG.info("serving %s", socket.path)
        stopped.wait()
        _LOG.info("stopping: the driver connects anew, then what is under way is finished")
        return 0 if server.stop() else 1
    finally:
        pulse.stop()
        daemon.stop()
        if http is not None:
            http.stop()
        own.close()
        shared.close()


def _http(address: str, daemon: Daemon, server: ProviderServer, own: RoundTrip, shared: RoundTrip) -> HttpServer | None:
    if not address:
        return None
    alive = {
        # While it starts the supervisor watches it, and while it stops its own socket has no name any more.
        "gRPC does not answer": lambda: not server.serving or server.draining or own.answers(),
    }
    ready = {
        "starting": lambda: server.serving,
        "stopping": lambda: not server.draining,
        "the stores are not listed yet": daemon.is_ready,
        "the socket does not answer": shared.answers,
    }
    return HttpServer(address, alive=alive, ready=ready, metrics=lambda: (CONTENT_TYPE, daemon.metrics.exposition()))


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
