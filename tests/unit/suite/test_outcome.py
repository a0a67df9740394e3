"""What the end-to-end suite makes of a command in a pod: the kubernetes package's client and a server of our own."""

import base64
import hashlib
import json
import re
import socket
import threading
from collections.abc import Sequence
from typing import Any

import pytest
from kubernetes.client import Configuration
from kubernetes.stream.ws_client import WSClient

from e2e.support.kube import CommandFailed, outcome

OUT, ERR, STATUS = 1, 2, 3
# RFC 6455: what a server adds to a client's key; a binary frame alone; an empty close.
GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
BINARY, CLOSE = 0x82, b"\x88\x00"
SUCCESS = (STATUS, json.dumps({"status": "Success"}))


def failure(message: str) -> tuple[int, str]:
    return STATUS, json.dumps({"status": "Failure", "details": {"causes": [{"message": message}]}})


def answered(frames: Sequence[tuple[int, str]]) -> Any:  # the package has no types
    """A client that was sent these (channel, text) and then the end."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                key = re.search(rb"Sec-WebSocket-Key: (\S+)", connection.recv(65_536))
                assert key is not None
                accept = base64.b64encode(hashlib.sha1(key[1] + GUID, usedforsecurity=False).digest())
                upgrade = b"HTTP/1.1 101 -\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "
                connection.sendall(upgrade + accept + b"\r\n\r\n")
                for channel, text in frames:
                    connection.sendall(bytes((BINARY, len(text) + 1, channel)) + text.encode())
                connection.sendall(CLOSE)

        thread = threading.Thread(target=serve)
        thread.start()
        opened: Any = WSClient
        client = opened(Configuration(), f"ws://127.0.0.1:{server.getsockname()[1]}/", {}, capture_all=True)
        client.run_forever(timeout=10)
        client.sock.shutdown()
        thread.join()
    return client


def test_what_a_command_printed() -> None:
    assert outcome(answered([(OUT, "one "), (ERR, "a warning"), (OUT, "two"), SUCCESS]), ["echo"]) == "one two"


@pytest.mark.parametrize(
    ("frames", "said"),
    [
        pytest.param([(ERR, "no such file\n"), failure("2")], "cat x: no such file", id="status"),
        pytest.param([(OUT, "half"), failure("2")], "cat x: half", id="status-and-only-output"),
        pytest.param([failure("no cat here")], "cat x: .*no cat here", id="not-started"),
        pytest.param([], "cat x: the connection ended without a status", id="broken"),
        pytest.param([(OUT, "half")], "cat x: the connection ended without a status", id="broken-in-the-middle"),
    ],
)
def test_a_command_without_success(frames: Sequence[tuple[int, str]], said: str) -> None:
    with pytest.raises(CommandFailed, match=f"^{said}"):
        outcome(answered(frames), ["cat", "x"])
