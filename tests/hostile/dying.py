"""A provider that is killed at one point of a pod's mount, as a process of its own.

python -m tests.hostile.dying FOLDER before|after: FOLDER is a SharedNode's, with its configuration.
"""

import os
import signal
import sys
from pathlib import Path

from rune.model.store import Mark
from rune.ports import MarkStore
from tests.hostile.shared_node import API, SharedNode

KILLED = -signal.SIGKILL
"""How a process ends that was killed."""


class LastMark:
    """A MarkStore in whose process nothing happens after, or when, a higher mark is recorded.

    Args:
        marks: where it is recorded.
        before: die before that, or after it.
    """

    def __init__(self, marks: MarkStore, *, before: bool) -> None:
        self._marks = marks
        self._before = before

    def load(self, uid: str, store_id: str, epoch: int) -> Mark | None:
        return self._marks.load(uid, store_id, epoch)

    def raise_to(self, uid: str, store_id: str, mark: Mark) -> None:
        known = self.load(uid, store_id, mark.revision.epoch)
        higher = known is None or known.revision < mark.revision
        if not (higher and self._before):
            self._marks.raise_to(uid, store_id, mark)
        if not higher:
            return  # what was restored from the disk
        os.kill(os.getpid(), signal.SIGKILL)


def main(folder: str, point: str) -> int:
    """Mount; whoever reads what is printed was given the files."""
    node = SharedNode(Path(folder))
    node.marks = lambda marks: LastMark(marks, before=point == "before")
    node.start()
    print(node.mount(API))
    return 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
