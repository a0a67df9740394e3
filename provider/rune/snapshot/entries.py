"""A snapshot's secrets in little memory: a node keeps them for every store in use, and one may have 8,000.

As descriptors in a dictionary they take a kilobyte each, three times what the document has. Everything of such a
descriptor follows from path, digest and size: these are kept as bytes, and a descriptor is made when it is asked for.
"""

from array import array
from bisect import bisect_left
from collections.abc import Iterator, Mapping
from itertools import accumulate
from types import MappingProxyType
from typing import Final

from rune.model.oci import MEDIA_MANIFEST, Descriptor, Digest
from rune.model.path import SecretPath
from rune.snapshot.annotations import PATH
from rune.snapshot.secret import SECRET_TYPE

_DIGEST_BYTES: Final = 32
_PREFIX: Final = "sha256:"


class Entries(Mapping[SecretPath, Descriptor]):
    """Descriptors of secrets by path, in the order of the paths. Never changes.

    Args:
        secrets: of an accepted document: nothing but path, digest and size is particular to each of them.
    """

    __slots__ = ("_digests", "_ends", "_paths", "_sizes")

    def __init__(self, secrets: Mapping[SecretPath, Descriptor]) -> None:
        paths = sorted(secrets)
        self._paths = "".join(paths).encode("ascii")
        self._ends = array("L", accumulate(map(len, paths)))
        self._digests = b"".join(bytes.fromhex(secrets[path].digest.removeprefix(_PREFIX)) for path in paths)
        self._sizes = array("L", (secrets[path].size for path in paths))

    def __len__(self) -> int:
        return len(self._sizes)

    def __iter__(self) -> Iterator[SecretPath]:
        return map(self._path, range(len(self)))

    def __getitem__(self, path: SecretPath) -> Descriptor:
        at = bisect_left(range(len(self)), path, key=self._path)
        if at == len(self) or self._path(at) != path:
            raise KeyError(path)
        digest = self._digests[at * _DIGEST_BYTES : (at + 1) * _DIGEST_BYTES].hex()
        return Descriptor(
            MEDIA_MANIFEST, Digest(_PREFIX + digest), self._sizes[at], SECRET_TYPE, MappingProxyType({PATH: path})
        )

    def _path(self, at: int) -> SecretPath:
        begin = self._ends[at - 1] if at else 0
        return SecretPath(self._paths[begin : self._ends[at]].decode("ascii"))
