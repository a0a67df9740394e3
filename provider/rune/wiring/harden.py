"""What a process gives up before it holds a secret: being dumped to a disk, and being looked into."""

import logging
import resource
from typing import Final

_LOG: Final = logging.getLogger(__name__)
# linux/prctl.h
_PR_SET_DUMPABLE: Final = 4
# core(5), "Piping core dumps to a program": a limit of 0 stops only dumps to files, 1 also those to a program; and no
# dump to a file is as small as 1.
_NO_CORE: Final = 1


def forbid_core_dumps() -> None:
    """Let no crash write the memory to a disk, neither the kernel's own way nor through a crash handler."""
    _, hard = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (0 if hard == 0 else _NO_CORE, hard))


def forbid_inspection() -> None:
    """Let nobody but root attach to this process or read its memory (PR_SET_DUMPABLE, prctl(2)), nor dump it.

    For daemons only: the folder /proc/self then belongs to root as well, and a command must be able to open
    /dev/stdin and what a shell's `<(...)` names.
    """
    import ctypes  # every command forbids dumps, and only daemons need this

    forbid_core_dumps()
    try:
        changed = ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0) == 0
    except (AttributeError, OSError):
        changed = False
    if not changed:
        _LOG.warning("this system can't keep other processes from reading this one's memory (prctl)")
