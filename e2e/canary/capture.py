"""Listens to every packet of a network namespace, as whoever holds the network would."""

import ctypes
import os
import select
import socket
import struct
from collections import Counter
from pathlib import Path
from typing import Final

from .search import Hits, Search

_ETH_P_ALL: Final = 3
_ETHERNET_BYTES: Final = 14
_ETHERTYPE_IPV4: Final = 0x0800
_TCP: Final = 6
_CLONE_NEWNET: Final = 0x4000_0000
_FRAME_BYTES: Final = 256 * 1024
"""More than the largest that segmentation offload hands over."""
_BUFFER_BYTES: Final = 32 * 1024 * 1024
_TAIL_BYTES: Final = 2_000
"""Of a connection, kept to find what lies across two packets: longer than any form of a value."""
_SOL_PACKET: Final = 263
_PACKET_STATISTICS: Final = 6
_SO_RCVBUFFORCE: Final = 33


class Capture:
    """TCP over IPv4 on every interface of a process's network namespace, loopback too.

    Args:
        pid: a process there, or 0 for our own namespace.
    """

    def __init__(self, pid: int) -> None:
        self._socket = _socket_in(pid)
        self._socket.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _BUFFER_BYTES)
        self._tails: dict[bytes, bytes] = {}
        self.payload_bytes = 0
        """How much was looked at."""

    def search(self, search: Search, until: int) -> Hits:
        """Look at what comes until a file descriptor can be read."""
        hits: Hits = Counter()
        ours = self._socket.fileno()
        while True:
            ready, _, _ = select.select([ours, until], [], [])
            if ours in ready:
                hits.update(self._look(search, self._socket.recv(_FRAME_BYTES)))
            elif until in ready:
                return +hits

    def lost(self) -> int:
        """How many packets the kernel had to drop, because we were too slow."""
        statistics = self._socket.getsockopt(_SOL_PACKET, _PACKET_STATISTICS, 8)
        return int(struct.unpack("II", statistics)[1])

    def close(self) -> None:
        """Stop listening."""
        self._socket.close()

    def _look(self, search: Search, frame: bytes) -> Hits:
        connection, payload = _tcp(frame)
        if not payload:
            return Counter()
        self.payload_bytes += len(payload)
        tail = self._tails.get(connection, b"")
        self._tails[connection] = (tail + payload)[-_TAIL_BYTES:]
        hits = search.piece(tail + payload)
        hits.subtract(search.piece(tail))
        return hits


def _tcp(frame: bytes) -> tuple[bytes, bytes]:
    """The connection (one direction of it) and the payload of a frame; nothing of other frames."""
    if len(frame) < _ETHERNET_BYTES + 40 or struct.unpack_from("!H", frame, 12)[0] != _ETHERTYPE_IPV4:
        return b"", b""
    packet = frame[_ETHERNET_BYTES:]
    header = (packet[0] & 0x0F) * 4
    if packet[9] != _TCP:
        return b"", b""
    length = struct.unpack_from("!H", packet, 2)[0] or len(packet)
    segment = packet[header:length]
    return packet[12:20] + segment[:4], segment[(segment[12] >> 4) * 4 :]


def _socket_in(pid: int) -> socket.socket:
    """A packet socket belongs to the namespace in which its thread was when it was made."""
    if not pid:
        return socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ETH_P_ALL))
    ours = os.open("/proc/self/ns/net", os.O_RDONLY)
    theirs = os.open(Path(f"/proc/{pid}/ns/net"), os.O_RDONLY)
    try:
        _enter(theirs)
        return socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ETH_P_ALL))
    finally:
        _enter(ours)
        os.close(ours)
        os.close(theirs)


def _enter(namespace: int) -> None:
    # os.setns is Python 3.12's.
    if ctypes.CDLL(None, use_errno=True).setns(namespace, _CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "setns")
