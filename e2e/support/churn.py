"""Pods that come while something breaks: each says by itself, as it starts, whether its volume was whole."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Final

from e2e.support.kube import Kube, Manifest, eventually
from e2e.support.pods import is_running, pod

FILES: Final = ("a", "b", "c")
WHOLE: Final = "whole"
# Looks once, at the moment when the application would: a volume that is filled later was empty for it.
_LOOK: Final = 'if [ "$(cat /secrets/a /secrets/b /secrets/c 2>/dev/null)" = abc ]; then echo whole; else echo broken: '
_COMMAND: Final = _LOOK + '"$(ls -A /secrets)"; fi; exec sleep infinity'
_BATCH: Final = 5


class Churn:
    """Creates pods in small batches, and deletes those of which it has heard what they saw.

    Args:
        kube: the cluster.
        namespace: where.
        provider_class: mounts the FILES, each with its own name as its content.
        count: of pods in all.
        nodes: where they run, in turns.
    """

    def __init__(self, kube: Kube, namespace: str, provider_class: str, count: int, nodes: Sequence[str]) -> None:
        self._kube = kube
        self._namespace = namespace
        self._names = [f"churn-{number}" for number in range(count)]
        self._manifests = [
            pod(name, namespace, provider_class, command=("sh", "-c", _COMMAND), node=nodes[number % len(nodes)])
            for number, name in enumerate(self._names)
        ]
        self._thread: threading.Thread | None = None
        self.verdicts: dict[str, str] = {}
        """What each pod saw: WHOLE, or what was there instead."""

    @contextmanager
    def running(self, *, timeout_s: float) -> Iterator[None]:
        """Run beside the body; after it, wait until every pod has started.

        Args:
            timeout_s: how long a batch may take.

        Raises:
            AssertionError: a pod never started.
        """
        failures: list[BaseException] = []

        def work() -> None:
            try:
                for begin in range(0, len(self._manifests), _BATCH):
                    self._batch(self._manifests[begin : begin + _BATCH], timeout_s)
            except BaseException as error:  # noqa: BLE001  # raised again where the test waits
                failures.append(error)

        thread = threading.Thread(target=work, name="churn")
        self._thread = thread
        thread.start()
        try:
            yield
        finally:
            thread.join()
        if failures:
            raise failures[0]

    def wait(self) -> None:
        """Wait until every pod has started, or one can't."""
        if self._thread is not None:
            self._thread.join()

    def _batch(self, manifests: Sequence[Manifest], timeout_s: float) -> None:
        self._kube.apply(*manifests)
        for manifest in manifests:
            name = manifest["metadata"]["name"]
            self.verdicts[name] = eventually(
                partial(self._verdict, name),
                what=f"pod {name} started",
                timeout_s=timeout_s,
            )
            self._kube.delete("Pod", name, self._namespace)

    def _verdict(self, name: str) -> str | None:
        if not is_running(self._kube.find("Pod", name, self._namespace)):
            return None
        return self._kube.logs(name, self._namespace, container="main").strip() or None
