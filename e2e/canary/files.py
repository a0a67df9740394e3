"""Looks into every file of a node that was written since the values exist, on disks and in memory."""

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_SKIPPED: Final = frozenset(
    {"autofs", "binfmt_misc", "bpf", "cgroup", "cgroup2", "configfs", "debugfs", "devpts", "devtmpfs", "fusectl"}
    | {"hugetlbfs", "mqueue", "nsfs", "overlay", "proc", "pstore", "securityfs", "sysfs", "tracefs"}
)
"""The kernel's own windows; and containers' roots, whose layers are files of the disk."""
_IN_MEMORY: Final = frozenset({"tmpfs", "ramfs"})
_PLACE_FIELD: Final = 4


@dataclass(frozen=True)
class Written:
    """A file that was written.

    Args:
        path: as the node names it.
        here: how we reach it.
        in_memory: whether its file system is a tmpfs.
    """

    path: str
    here: Path
    in_memory: bool


def written_since(root: Path, moment: float) -> Iterator[Written]:
    """Every regular file below a node's root whose content or name changed since then.

    The change time says so: nobody can set it back, and a change through a memory mapping moves it too.

    Args:
        root: the node's, for example /proc/1/root.
        moment: seconds since 1970.
    """
    kinds = _mounts(root / "proc/1/mountinfo")
    folders = [("/", "")]
    while folders:
        folder, kind = folders.pop()
        try:
            entries = list(os.scandir(f"{root}{folder}"))
        except OSError:  # gone meanwhile
            continue
        for entry in entries:
            path = f"{folder.rstrip('/')}/{entry.name}"
            try:
                found = entry.stat(follow_symlinks=False)
            except OSError:
                continue
            if stat.S_ISDIR(found.st_mode):
                inner = kinds.get(path, kind)
                if inner not in _SKIPPED:
                    folders.append((path, inner))
            elif stat.S_ISREG(found.st_mode) and found.st_ctime >= moment:
                yield Written(path, Path(entry.path), kinds.get(path, kind) in _IN_MEMORY)


def _mounts(mountinfo: Path) -> dict[str, str]:
    """Types of file systems by mount point (proc_pid_mountinfo(5))."""
    found = {}
    for line in mountinfo.read_text().splitlines():
        before, _, after = line.partition(" - ")
        found[before.split()[_PLACE_FIELD].replace("\\040", " ")] = after.split()[0]
    return found
