"""A KMS plugin for kube-apiserver: it wraps data keys with AES-GCM in our own process, and remembers what it was given.

The protocol is KMS v2 (k8s.io/kms/apis/v2/api.proto); its few fields are read and written here by hand.
"""

import os
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import grpc
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_SERVICE: Final = "v2.KeyManagementService"
_KEY_ID: Final = b"1"
_NONCE_BYTES: Final = 12


class Kms:
    """The key, and everything that was ever asked to be wrapped."""

    def __init__(self) -> None:
        self._key = AESGCM(AESGCM.generate_key(256))
        self.wrapped: list[bytes] = []

    def status(self, _: bytes, __: grpc.ServicerContext) -> bytes:
        """StatusRequest to StatusResponse {version = 1, healthz = 2, key_id = 3}."""
        return _fields({1: b"v2", 2: b"ok", 3: _KEY_ID})

    def encrypt(self, request: bytes, _: grpc.ServicerContext) -> bytes:
        """EncryptRequest {plaintext = 1, uid = 2} to EncryptResponse {ciphertext = 1, key_id = 2}."""
        plaintext = _parse(request)[1]
        self.wrapped.append(plaintext)
        nonce = os.urandom(_NONCE_BYTES)
        return _fields({1: nonce + self._key.encrypt(nonce, plaintext, None), 2: _KEY_ID})

    def decrypt(self, request: bytes, _: grpc.ServicerContext) -> bytes:
        """DecryptRequest {ciphertext = 1, ...} to DecryptResponse {plaintext = 1}."""
        ciphertext = _parse(request)[1]
        return _fields({1: self._key.decrypt(ciphertext[:_NONCE_BYTES], ciphertext[_NONCE_BYTES:], None)})


@contextmanager
def kms_plugin(socket: Path) -> Iterator[Kms]:
    """A plugin that answers on a Unix socket."""
    kms = Kms()
    methods = {"Status": kms.status, "Encrypt": kms.encrypt, "Decrypt": kms.decrypt}
    handlers = {name: grpc.unary_unary_rpc_method_handler(method) for name, method in methods.items()}
    server = grpc.server(ThreadPoolExecutor(2))
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(_SERVICE, handlers),))
    server.add_insecure_port(f"unix:{socket}")
    server.start()
    try:
        yield kms
    finally:
        server.stop(None).wait()


def _fields(values: Mapping[int, bytes]) -> bytes:
    """A protobuf message of fields of bytes."""
    return b"".join(_varint(number << 3 | 2) + _varint(len(value)) + value for number, value in values.items())


def _parse(message: bytes) -> Mapping[int, bytes]:
    """The fields of such a message."""
    found, at = {}, 0
    while at < len(message):
        tag, at = _read_varint(message, at)
        length, at = _read_varint(message, at)
        found[tag >> 3], at = message[at : at + length], at + length
    return found


def _varint(number: int) -> bytes:
    made = bytearray()
    while number > 0x7F:
        made.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*made, number])


def _read_varint(message: bytes, at: int) -> tuple[int, int]:
    number = shift = 0
    while True:
        byte = message[at]
        number |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte <= 0x7F:
            return number, at
