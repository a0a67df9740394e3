"""Looks into processes through /proc, as root can: arguments, environment, memory, files that they alone still hold."""

import os
from array import array
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from .search import PIECE_BYTES, Hits, Search

_PAGE: Final = os.sysconf("SC_PAGE_SIZE")
_PAGEMAP_ENTRY_BYTES: Final = 8
# Documentation/admin-guide/mm/pagemap.rst: bit 63 says that a page is in memory, bit 62 that it is in the swap.
_THERE: Final = 3 << 62
_DELETED: Final = " (deleted)"


def pids(proc: Path = Path("/proc")) -> list[int]:
    """Every process."""
    return sorted(int(entry.name) for entry in proc.iterdir() if entry.name.isdigit())


def command_line(pid: int) -> str:
    """A process's arguments with spaces between them; empty for the kernel's own and those that have ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
    except OSError:
        return ""


def search_about(search: Search, pid: int, what: str) -> Hits:
    """Search `cmdline` or `environ`; nothing if the process has ended."""
    try:
        return search.piece(Path(f"/proc/{pid}/{what}").read_bytes())
    except OSError:
        return Counter()


def search_memory(search: Search, pid: int) -> Hits:
    """Search all memory of a process but for unchanged pages of files; nothing if it has ended."""
    hits: Hits = Counter()
    try:
        with (
            Path(f"/proc/{pid}/mem").open("rb", buffering=0) as memory,
            Path(f"/proc/{pid}/pagemap").open("rb", buffering=0) as pagemap,
        ):
            for begin, end in _mappings(pid):
                hits += search.stream(_present(memory.fileno(), pagemap.fileno(), begin, end))
    except (FileNotFoundError, ProcessLookupError):
        pass
    return hits


def search_deleted(search: Search, pid: int) -> Hits:
    """Search files without a name that a process has open."""
    hits: Hits = Counter()
    try:
        descriptors = list(Path(f"/proc/{pid}/fd").iterdir())
    except OSError:
        return hits
    for descriptor in descriptors:
        try:
            # Pipes, sockets and the like have no folder in their name.
            if (name := str(descriptor.readlink())).endswith(_DELETED) and name[0] == "/" and descriptor.is_file():
                hits += search.file(descriptor)
        except OSError:
            continue
    return hits


def _mappings(pid: int) -> Iterator[tuple[int, int]]:
    for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
        addresses, permissions, _, _, inode, *name = line.split(maxsplit=5)
        of_a_file = inode != "0" and "w" not in permissions
        if permissions[0] == "r" and not of_a_file and name not in (["[vvar]"], ["[vsyscall]"], ["[vvar_vclock]"]):
            begin, _, end = addresses.partition("-")
            yield int(begin, 16), int(end, 16)


def _present(memory: int, pagemap: int, begin: int, end: int) -> Iterator[bytes]:
    """The pages that were ever written to; reading the others would only make the kernel hand out zeros."""
    for piece in range(begin, end, PIECE_BYTES):
        size = min(PIECE_BYTES, end - piece)
        entries = array(
            "Q", os.pread(pagemap, size // _PAGE * _PAGEMAP_ENTRY_BYTES, piece // _PAGE * _PAGEMAP_ENTRY_BYTES)
        )
        for first, last in _runs(entries):
            try:
                yield os.pread(memory, (last - first) * _PAGE, piece + first * _PAGE)
            except OSError:  # of a device, or gone meanwhile
                continue


def _runs(entries: "array[int]") -> Iterator[tuple[int, int]]:
    first = None
    for number, entry in enumerate(entries):
        if entry & _THERE and first is None:
            first = number
        elif not entry & _THERE and first is not None:
            yield first, number
            first = None
    if first is not None:
        yield first, len(entries)
