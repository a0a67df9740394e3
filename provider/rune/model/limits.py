"""Every bound and every timeout, in one place, each with its unit in its name.

The bounds of the store format are part of it: a writer refuses to make what a node would refuse to read.
"""

from dataclasses import dataclass
from typing import Final

KIB: Final = 1024
MIB: Final = 1024 * KIB


@dataclass(frozen=True, slots=True)
class FormatLimits:
    """Bounds of store format v1 (docs/format.md)."""

    path_chars: int = 512
    key_chars: int = 253
    entries: int = 8_000
    keys_per_secret: int = 512
    value_bytes: int = 1 * MIB
    secret_bytes: int = 1 * MIB
    """All values of one secret together."""
    ciphertext_overhead_bytes: int = 64 * KIB
    """What framing, padding (Padmé: at most 12 %) and encryption may add to a value of the largest size, and more."""
    inline_value_bytes: int = 16 * KIB
    inline_total_bytes: int = 512 * KIB
    head_bytes: int = 64 * KIB
    snapshot_bytes: int = 3 * MIB + 512 * KIB
    secret_manifest_bytes: int = 1 * MIB
    policy_bytes: int = 256 * KIB
    policy_rules: int = 1_000
    policy_patterns: int = 256
    """In each list of a rule."""
    policy_serial_max: int = 9_999_999_999
    rule_name_chars: int = 63
    expectations: int = 10_000
    expectation_bytes: int = 1 * MIB
    bundle_bytes: int = 64 * KIB
    bundle_manifest_bytes: int = 16 * KIB
    referrers_bytes: int = 256 * KIB
    signatures_per_digest: int = 16
    """How many signatures of one digest are looked at; the rest are not even fetched."""
    history: int = 64
    parents: int = 2
    message_chars: int = 1_024
    author_chars: int = 256
    revision_max: int = 9_999_999_999
    json_depth: int = 16
    json_items: int = 100_000
    """Commas and opening brackets in one document: a snapshot of the largest size has 60,000. A small value costs some
    sixty bytes once it is parsed, and a document is parsed before anyone has vouched for it."""
    yaml_depth: int = 24

    @property
    def ciphertext_bytes(self) -> int:
        """The largest ciphertext of one value."""
        return self.value_bytes + self.value_bytes // 8 + self.ciphertext_overhead_bytes


@dataclass(frozen=True, slots=True)
class ObjectLimits:
    """Bounds of RuneStore and ClusterRuneStore; deploy/crds has the same."""

    name_chars: int = 253
    signer_name_chars: int = 63
    url_chars: int = 512
    mirrors: int = 8
    realm_hosts: int = 16
    keysets: int = 32
    keyset_paths: int = 64
    signers: int = 32
    """Keys, and as many identities, in each role."""
    pem_chars: int = 4_096
    issuer_chars: int = 512
    subject_chars: int = 1_024
    trusted_root_bytes: int = 256 * KIB
    """The public good's has 8 KiB."""
    namespaces: int = 256
    policy_chars: int = 64 * KIB
    epoch_max: int = 2_147_483_647
    interval_min_s: int = 5
    interval_max_s: int = 24 * 3600
    max_stale_min_s: int = 60
    max_stale_max_s: int = 365 * 24 * 3600
    problems: int = 5
    """How many are named at once; the rest is a count."""
    files: int = 1_000
    file_bytes: int = 4 * MIB


@dataclass(frozen=True, slots=True)
class TransportLimits:
    """How long and how much one HTTP exchange with a registry or the Kubernetes API may take."""

    connect_timeout_s: float = 5.0
    read_timeout_s: float = 10.0
    """Between two chunks; the caller's deadline bounds the whole."""
    attempts: int = 4
    backoff_initial_s: float = 0.2
    backoff_max_s: float = 5.0
    retry_after_max_s: float = 10.0
    """A longer Retry-After is not waited for: the attempt fails and the background refresh tries later."""
    redirects: int = 5
    token_bytes: int = 64 * KIB
    error_body_bytes: int = 8 * KIB
    header_bytes: int = 32 * KIB
    tag_pages: int = 200
    referrers_pages: int = 16
    """Empty ones cost nothing but time: without this, 256 KiB of them are sixteen thousand requests."""
    tags_page_bytes: int = 1 * MIB
    tags: int = 100_000
    pool_connections: int = 8


@dataclass(frozen=True, slots=True)
class MountLimits:
    """Bounds of one mount request and of the provider that serves many."""

    deadline_s: float = 25.0
    """From arrival; the driver's own call ends at 30 s or more, and it must be us who answer (docs/mount.md)."""
    attributes_bytes: int = 256 * KIB
    objects_bytes: int = 64 * KIB
    remembered_objects_chars: int = 1 * MIB
    """Texts of `objects` whose parsed form is kept, all together: a thousand usual ones."""
    token_bytes: int = 16 * KIB
    entries: int = 256
    file_name_chars: int = 512
    files: int = 1_024
    answer_bytes: int = 3 * MIB + 512 * KIB
    """The driver refuses answers over 4 MiB."""
    named_failures: int = 5
    threads: int = 32
    per_pod: int = 8
    """Mounts of one pod that may be under way at once: the volumes of a pod are mounted side by side."""
    per_namespace: int = 16
    """Fewer than cold_waiters: what one namespace waits for leaves places to others."""
    cold_waiters: int = 24
    cold_queue_s: float = 0.25
    """How long a mount may wait for one of those places before it is refused."""
    read_bytes: int = 8 * MIB
    """All ciphertext that one mount may ask for: an entry may render to less than it reads."""
    jmespath_chars: int = 512
    template_chars: int = 16 * KIB
    rendered_bytes: int = 1 * MIB
    token_cache_s: float = 60.0
    token_cache_entries: int = 4_096
    drain_s: float = 28.0
    """Longer than deadline_s: what is in flight at SIGTERM is finished."""


@dataclass(frozen=True, slots=True)
class ReplicaLimits:
    """How one store is kept fresh on a node."""

    interval_s: float = 120.0
    jitter: float = 0.2
    """The share of the interval by which a refresh may come earlier, so that nodes don't ask together."""
    refresh_timeout_s: float = 20.0
    max_stale_s: float = 24 * 3600.0
    failure_backoff_initial_s: float = 1.0
    cold_retry_max_s: float = 15.0
    """The longest pause between attempts while there is no state at all to serve."""
    wake_wait_s: float = 5.0
    """How long a mount waits for the registry where an older verified state could serve it."""
    idle_s: float = 1_800.0
    """A store that no mount used for so long is no longer polled."""
    memory_cache_bytes: int = 16 * MIB
    """Of all stores together."""
    disk_cache_bytes: int = 512 * MIB
    """Of each store's folder; the last accepted state is never evicted."""
    documents_bytes: int = 8 * MIB
    """Of large documents that are fetched and parsed at once; parsing one takes five times its size."""
    states_bytes: int = 12 * MIB
    """Of the documents of all snapshots that are kept; of each, three fifths stay in memory at most."""
    small_document_bytes: int = 256 * KIB
    """What isn't large: a thousand secrets."""
    gone_cache_s: float = 24 * 3600.0
    """How long the folder of a store whose object is gone is kept: some are deleted by mistake, and restored."""
    used_paths: int = 1_024
    """How many of a store's paths are remembered as used here, to be fetched as soon as they change."""
    pins: int = 8
    """How many pinned snapshots of a store are kept for the next start."""
    clock_skew_s: float = 300.0
    """A wall clock this far behind the newest signed time fails closed."""
    fetch_workers: int = 8
    workers_per_store: int = 3
    """A registry that hangs holds no more of them; all registries of one namespace together hold half at most."""


@dataclass(frozen=True, slots=True)
class PublishLimits:
    """One commit, from its base to its confirmation."""

    deadline_s: float = 120.0
    attempts: int = 64
    """How often a commit starts again because another one was first."""
    backoff_initial_s: float = 0.05
    backoff_max_s: float = 1.0
    poll_s: float = 0.05
    first_wait_s: float = 0.3
    """How long the commit that is first among unsigned ones of its revision lets others finish, who may not see it."""
    other_wait_s: float = 2.0
    """How long the others wait for it; whoever only pretends to commit can delay each attempt by no more."""
    heal_attempts: int = 5
    """How often a head that looks rolled back or forked is read again: commits that cross mend that by themselves."""
    identity_token_bytes: int = 16 * KIB
    signing_timeout_s: float = 30.0
    """For each service that takes part in signing by identity."""
    certificate_s: float = 300.0
    """How long one certificate is signed with: half of its life, so that the log's time is surely within it."""
    rivals: int = 64
    """How many tags beside the head's history one operation asks for: whoever can push can leave any number."""
    rivals_at_least: int = 16
    """So many each time that the tags are listed, however many it has asked for: the newest are what may cross it."""
    rival_signatures: int = 128
    """How many signatures of what is behind those tags one operation fetches."""
    ancestors: int = 1_000


@dataclass(frozen=True, slots=True)
class SealedLimits:
    """Sealed files (docs/sealing.md)."""

    file_bytes: int = 3 * MIB
    """The largest secret in base64, and what stands around it."""
    files: int = 1_000
    total_bytes: int = 64 * MIB
    """Of all files of one command."""
    replaces: int = 4
    """How many earlier ciphertexts a key may take the place of."""
    history: int = 64
    """In so many revisions a ciphertext is looked for that may have been committed before."""


@dataclass(frozen=True, slots=True)
class KubernetesLimits:
    """How the provider talks to the Kubernetes API, and how much of its answers it reads."""

    request_timeout_s: float = 5.0
    """Of one request, a TokenReview's too."""
    object_bytes: int = 4 * MIB
    """One object, one event of a watch: more than etcd stores of one."""
    page_bytes: int = 16 * MIB
    page_objects: int = 100
    """Of a list; a page that would be too large is asked for again with fewer."""
    json_depth: int = 64
    """managedFields repeats every field's place."""
    json_items: int = 4_000_000
    """Of a page; the API server is ours, and a page is bounded by its bytes."""
    token_file_s: float = 60.0
    """How long a service account's token is used before its file is read again; the kubelet replaces it."""
    watch_s: int = 300
    """After which the server ends a watch."""
    watch_idle_s: float = 90.0
    """Without a byte for so long, a watch is taken for dead: the server sends a bookmark every minute."""
    watch_settled_s: float = 5.0
    """A watch that lived so long ends the back-off of those that failed before it."""
    backoff_initial_s: float = 0.5
    backoff_max_s: float = 60.0
    secret_cache_s: float = 30.0
    absent_cache_s: float = 3.0
    """A Secret that isn't there is looked for again so soon: someone may be creating it."""
    refusal_grace_s: float = 60.0
    """How long a refusal may be an API server's that has just started."""
    cached_secrets: int = 1_024
    lease_s: int = 300
    """How long the writer of a store's status may be silent before another provider may write."""
    status_retry_s: float = 60.0
    status_stores: int = 4_096
    conflict_attempts: int = 3
    event_interval_s: float = 60.0
    """At most one write for an object and reason in so long."""
    event_pause_s: float = 0.2
    """Between two writes of any kind of Event."""
    event_queue: int = 256
    event_objects: int = 4_096
    event_note_chars: int = 1_024


@dataclass(frozen=True, slots=True)
class LayoutLimits:
    """Bounds of a store in a folder."""

    index_bytes: int = 16 * MIB
    """Some 60,000 tags: 15,000 commits."""
    writer_wait_s: float = 60.0
    """How long a commit waits for another one to end."""
    index_wait_s: float = 10.0


@dataclass(frozen=True, slots=True)
class DoctorLimits:
    """What `rune doctor` finds worth a word, and how much it says and asks at most."""

    clock_warn_s: float = 30.0
    """How far two clocks may differ before it is said; REPLICA.clock_skew_s is where it becomes a failure."""
    lease_age_s: float = 40.0
    """How old a kubelet's lease may be before the node counts as dead (node-monitor-grace-period is 40 s or more)."""
    poll_warn_s: float = 120.0
    """The driver's own rotation-poll-interval; a longer one is a longer risk of an empty volume (docs/doctor.md)."""
    expiry_left: float = 0.25
    """A head with a smaller share of its life left should have been refreshed."""
    named: int = 5
    """Names in one sentence; the rest is a count."""
    findings: int = 20
    """Of one check, for as many objects; the rest is a count."""
    namespaces: int = 500
    """With SecretProviderClasses of ours: in so many their pods are looked at."""
    reviewed_namespaces: int = 50
    """In which the driver's rights to write Secrets are asked for."""


FORMAT: Final = FormatLimits()
DOCTOR: Final = DoctorLimits()
LAYOUT: Final = LayoutLimits()
OBJECTS: Final = ObjectLimits()
TRANSPORT: Final = TransportLimits()
MOUNT: Final = MountLimits()
REPLICA: Final = ReplicaLimits()
KUBERNETES: Final = KubernetesLimits()
PUBLISH: Final = PublishLimits()
SEALED: Final = SealedLimits()
