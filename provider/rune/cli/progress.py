"""A progress bar for what lasts more than a second; only on a terminal, and only on stderr."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from rich import progress as bars

from rune.cli.output import Printer
from rune.client.results import Progress, quiet

_PATIENCE_S: Final = 1.0
"""What is done sooner needs no bar."""


@contextmanager
def progress(printer: Printer) -> Iterator[Progress]:
    """Give a callback that draws, or one that does nothing where nobody watches."""
    if not printer.interactive:
        yield quiet
        return
    bar = _Bar(printer)
    try:
        yield bar
    finally:
        bar.close()


class _Bar:
    """Drawn by the callback alone, never by a thread: between two steps a passphrase may be asked for."""

    def __init__(self, printer: Printer) -> None:
        self._begin_s = time.monotonic()
        self._started = False
        self._bar = bars.Progress(
            bars.TextColumn("{task.description}"),
            bars.BarColumn(bar_width=24),
            bars.MofNCompleteColumn(),
            bars.TimeElapsedColumn(),
            console=printer.errors,
            transient=True,
            auto_refresh=False,
        )
        self._task = self._bar.add_task("", total=None)

    def __call__(self, step: str, done: int, total: int) -> None:
        if not self._started:
            if time.monotonic() - self._begin_s < _PATIENCE_S:
                return
            self._bar.start()
            self._started = True
        self._bar.update(self._task, description=step, completed=done, total=total or None, refresh=True)

    def close(self) -> None:
        if self._started:
            self._bar.stop()
