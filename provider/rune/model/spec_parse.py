"""Parses a RuneStore or ClusterRuneStore, from the Kubernetes API or a file, into a StoreObject.

A wrong spec is no exception: it becomes the object's `spec`, so that every mount of the store answers with what is
wrong and how to mend it, all fields at once. deploy/crds says the same to whoever applies such an object; this is the
authority, because an object may be older than the CRD, or come from a file.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

from rune.errors import InvalidConfig, RuneError, StoreInvalid
from rune.model.fields import Fields, Problem
from rune.model.limits import FORMAT, OBJECTS, REPLICA
from rune.model.oci import parse_digest
from rune.model.spec import API_VERSION, StoreName, StoreObject, StoreSpec
from rune.model.spec_fields import (
    check_store_id,
    read_duration,
    read_keysets,
    read_namespaces,
    read_registry,
)
from rune.model.spec_signers import read_verify
from rune.model.store import Mark, Revision
from rune.model.wording import few_clauses

RUNE_STORE: Final = "RuneStore"
CLUSTER_RUNE_STORE: Final = "ClusterRuneStore"

_SPEC_FIELDS: Final = (
    "registry",
    "storeID",
    "epoch",
    "keyset",
    "keysets",
    "verify",
    "interval",
    "maxStale",
    "minRevision",
    "minPinRevision",
    "suspend",
    "policy",
)
_MARK_FIELDS: Final = ("epoch", "revision", "digest", "signedTime")
_TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", re.ASCII)


def parse_store(obj: Mapping[str, object], *, allow_local: bool = False) -> StoreObject:
    """Parse one object.

    Args:
        obj: the object as the Kubernetes API gives it, or as a file holds it.
        allow_local: accept oci-layout:// locations. Only for files: through the API, whoever may write a RuneStore
            could otherwise have the provider read any folder of the node.

    Returns:
        The object; its `spec` is a StoreInvalid where spec or status are wrong, naming up to OBJECTS.problems fields.

    Raises:
        InvalidConfig: it isn't a RuneStore or ClusterRuneStore of this version, or has no name.
    """
    kind = obj.get("kind")
    if obj.get("apiVersion") != API_VERSION or kind not in (RUNE_STORE, CLUSTER_RUNE_STORE):
        raise InvalidConfig("this is no RuneStore or ClusterRuneStore", mend=f"write apiVersion: {API_VERSION}")
    metadata = obj.get("metadata")
    if not isinstance(metadata, Mapping):
        raise InvalidConfig(f"a {kind} has no metadata", mend="write metadata with a name")
    cluster_wide = kind == CLUSTER_RUNE_STORE
    namespace = None if cluster_wide else _metadata_text(metadata, "namespace")
    name = StoreName(_metadata_text(metadata, "name"), namespace)

    problems: list[Problem] = []
    known = (*_SPEC_FIELDS, "namespaces") if cluster_wide else _SPEC_FIELDS
    fields = Fields(obj.get("spec"), "spec", problems, known)
    spec = _spec(fields, allow_local=allow_local)
    namespaces = read_namespaces(fields) if cluster_wide else ()
    mark = _mark(obj.get("status", {}), spec.epoch, problems)
    generation = metadata.get("generation")
    return StoreObject(
        name=name,
        uid=_metadata_text(metadata, "uid"),
        generation=generation if isinstance(generation, int) else 0,
        spec=_error(name, problems) if problems else spec,
        namespaces=namespaces,
        mark=mark,
    )


def _metadata_text(metadata: Mapping[str, object], name: str) -> str:
    value = metadata.get(name)
    if not isinstance(value, str) or not 0 < len(value) <= OBJECTS.name_chars:
        raise InvalidConfig(f"metadata.{name} is missing or no text", mend="write it, and quote it")
    return value


def _spec(fields: Fields, *, allow_local: bool) -> StoreSpec:
    store_id = fields.text("storeID", required=True, max_chars=63, mend="copy it from what `rune init` printed")
    if store_id:
        fields.attempt(fields.at("storeID"), check_store_id, store_id)
    return StoreSpec(
        registry=read_registry(fields, allow_local=allow_local),
        store_id=store_id,
        keysets=read_keysets(fields),
        verify=read_verify(fields),
        epoch=fields.integer("epoch", default=1, low=1, high=OBJECTS.epoch_max),
        interval=read_duration(fields, "interval", REPLICA.interval_s, OBJECTS.interval_min_s, OBJECTS.interval_max_s),
        max_stale=read_duration(
            fields, "maxStale", REPLICA.max_stale_s, OBJECTS.max_stale_min_s, OBJECTS.max_stale_max_s
        ),
        min_revision=fields.integer("minRevision", default=0, low=0, high=FORMAT.revision_max),
        min_pin_revision=fields.integer("minPinRevision", default=0, low=0, high=FORMAT.revision_max),
        suspend=fields.flag("suspend"),
        policy=fields.text("policy", max_chars=OBJECTS.policy_chars) if fields.has("policy") else None,
    )


def _mark(status: object, epoch: int, problems: list[Problem]) -> Mark | None:
    """The high-water mark in the status, if there is one.

    A mark that is damaged is a problem, not an absent mark: without it a new node would accept an old state. One of
    an earlier epoch is absent: the administrator has raised the epoch, and marks begin anew.
    """
    if not isinstance(status, Mapping):
        problems.append(Problem("status", "is not a mapping", "remove it"))
        return None
    values = [status.get(name) for name in _MARK_FIELDS]
    if all(value is None for value in values):
        return None
    # Absent where no policy signer ever vouched for a policy with a serial.
    found = _read_mark(*values, policy_serial=status.get("policySerial", 0))
    if found is None:
        places = ", ".join(_MARK_FIELDS)
        problems.append(
            Problem(
                "status", f"has a damaged mark ({places}, policySerial)", "remove these fields; they are written anew"
            )
        )
        return None
    return None if found.revision.epoch < epoch else found


def _read_mark(
    epoch: object, revision: object, digest: object, signed_time: object, *, policy_serial: object
) -> Mark | None:
    if not isinstance(epoch, int) or not isinstance(revision, int) or epoch is True or revision is True:
        return None
    if not isinstance(digest, str) or not isinstance(signed_time, str) or not _TIME.fullmatch(signed_time):
        return None
    if not 1 <= epoch <= OBJECTS.epoch_max or not 1 <= revision <= FORMAT.revision_max:
        return None
    if (
        not isinstance(policy_serial, int)
        or policy_serial is True
        or not 0 <= policy_serial <= FORMAT.policy_serial_max
    ):
        return None
    try:
        time = datetime.fromisoformat(signed_time.removesuffix("Z")).replace(tzinfo=UTC)
        return Mark(Revision(epoch, revision), parse_digest(digest), time, policy_serial)
    except (ValueError, RuneError):
        return None


def _error(name: StoreName, problems: list[Problem]) -> StoreInvalid:
    if len(problems) == 1:
        return StoreInvalid(f"{name}: {problems[0].place}: {problems[0].what}", mend=problems[0].mend)
    listed = few_clauses(map(str, problems), OBJECTS.problems)
    return StoreInvalid(f"{name}: {listed}", mend="mend these fields (docs/runestore.md)")
