"""Secrets and ConfigMaps of the Kubernetes API, by name, each asked for at most twice a minute.

While the API is down the last known content serves on. A deletion counts at once, a refusal after a minute: an API
server that starts refuses everything until it has read its RBAC rules.
"""

import base64
import binascii
import logging
import threading
from collections import OrderedDict
from dataclasses import dataclass, replace

from rune.adapters.kube_client import KubeClient
from rune.adapters.kube_json import Object, Resource, section, text, text_map
from rune.errors import KubernetesForbidden, RuneError, Unavailable
from rune.model.clock import Clock
from rune.model.limits import KUBERNETES, KubernetesLimits
from rune.model.spec import SecretObject

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Known:
    found: SecretObject | None
    until_s: float
    """Monotonic seconds; then it is asked for again."""
    refused_since_s: float | None = None
    """Monotonic seconds; None: the last answer was no refusal."""


class KubeSecrets:
    """Reads Secrets and ConfigMaps. Safe to use from several threads."""

    def __init__(self, client: KubeClient, clock: Clock, limits: KubernetesLimits = KUBERNETES) -> None:
        self._client = client
        self._clock = clock
        self._limits = limits
        self._lock = threading.Lock()
        self._known: OrderedDict[tuple[Resource, str], _Known] = OrderedDict()

    def read(self, resource: Resource, name: str) -> SecretObject | None:
        """The object of this name, or None if there is none.

        Raises:
            KubernetesForbidden: the provider may not read it.
            KubernetesUnavailable, DeadlineExceeded: it can't be asked for now and was never read.
        """
        key = (resource, name)
        with self._lock:
            known = self._known.get(key)
        now_s = self._clock.monotonic()
        if known is not None and now_s < known.until_s:
            return known.found
        try:
            answer = self._client.get(resource, name)
        except (Unavailable, KubernetesForbidden) as error:
            if known is None or known.found is None:
                raise
            return self._last_known(key, known, error, now_s)
        found = None if answer is None else _secret(answer)
        lives_s = self._limits.absent_cache_s if found is None else self._limits.secret_cache_s
        self._keep(key, _Known(found, now_s + lives_s))
        return found

    def _last_known(
        self, key: tuple[Resource, str], known: _Known, error: RuneError, now_s: float
    ) -> SecretObject | None:
        refused_since_s = None
        if isinstance(error, KubernetesForbidden):
            refused_since_s = now_s if known.refused_since_s is None else known.refused_since_s
            if now_s - refused_since_s >= self._limits.refusal_grace_s:
                raise error
        _LOG.warning("%s %s: the last known content is used: %s", key[0].plural, key[1], error)
        # For a moment: many stores may refer to it, and each would wait for the same time-out.
        self._keep(key, replace(known, until_s=now_s + self._limits.absent_cache_s, refused_since_s=refused_since_s))
        return known.found

    def _keep(self, key: tuple[Resource, str], known: _Known) -> None:
        with self._lock:
            self._known[key] = known
            self._known.move_to_end(key)
            while len(self._known) > self._limits.cached_secrets:
                self._known.popitem(last=False)


def _secret(answer: Object) -> SecretObject:
    """A Secret's `data` is base64; a ConfigMap has texts there, and base64 in `binaryData`."""
    is_secret = text(answer, "kind") == "Secret"
    encoded = text_map(answer.get("data" if is_secret else "binaryData"))
    plain = {} if is_secret else text_map(answer.get("data"))
    metadata = section(answer, "metadata")
    return SecretObject(
        namespace=text(metadata, "namespace"),
        name=text(metadata, "name"),
        type=text(answer, "type") or "Opaque",
        annotations=text_map(metadata.get("annotations")),
        data={
            **{name: value.encode("utf-8", "surrogatepass") for name, value in plain.items()},
            **{name: _decoded(value) for name, value in encoded.items()},
        },
    )


def _decoded(value: str) -> bytes:
    try:
        return base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        # The server refuses such an object; were there one, an empty value fails wherever it is used.
        return b""
