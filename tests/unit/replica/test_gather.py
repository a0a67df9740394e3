import pytest

from rune.errors import DigestMismatch, FormatInvalid, RegistryUnavailable, SecretNotFound, SignatureInvalid, StoreEmpty
from rune.model.clock import Deadline, SystemClock
from rune.model.limits import FORMAT
from rune.model.oci import MEDIA_INDEX, MEDIA_MANIFEST, Descriptor, digest_of
from rune.model.store import LATEST
from rune.replica.gather import Gatherer
from rune.snapshot.accept import Signed, accept
from rune.snapshot.codec import describe_head
from rune.snapshot.cosign import add_referrer, fallback_tag, sign
from tests.fakes.registry import MemoryRegistry
from tests.fakes.signing import SIGNED_AT, STRANGER, FakeSigner, expectation, trust
from tests.fakes.store import Line, MemoryCache, put_signed
from tests.fakes.world import DOWN


@pytest.fixture
def registry() -> MemoryRegistry:
    return MemoryRegistry()


def gatherer(registry: MemoryRegistry, cache: MemoryCache | None = None) -> Gatherer:
    return Gatherer(registry, cache, Deadline.after(20, SystemClock()))


@pytest.mark.parametrize("policy_signed", [False, True])
def test_what_it_gathers_is_what_was_published_and_acceptable(registry: MemoryRegistry, policy_signed: bool) -> None:
    store = Line().commit(registry)
    gathered = gatherer(registry).head(known=None, policy_signed=policy_signed)
    assert gathered is not None
    assert gathered.head.data == store.evidence.head.data
    assert gathered.evidence.head == store.evidence.head
    assert gathered.evidence.snapshot == store.evidence.snapshot
    accepted = accept(gathered.evidence, expectation(policy=policy_signed), None, SIGNED_AT)
    assert accepted.head == store.head


def test_policy_signatures_are_fetched_only_where_someone_asks_for_them(registry: MemoryRegistry) -> None:
    Line().commit(registry)
    gatherer(registry).head(known=None, policy_signed=False)
    assert registry.requests["referrers"] == 2


def test_a_store_without_a_policy(registry: MemoryRegistry) -> None:
    Line(policy=None).commit(registry)
    gathered = gatherer(registry).head(known=None, policy_signed=True)
    assert gathered is not None
    assert gathered.evidence.policy is None


def test_a_known_head_is_one_request_and_nothing_to_do(registry: MemoryRegistry) -> None:
    Line().commit(registry)
    first = gatherer(registry).head(known=None, policy_signed=False)
    assert first is not None
    registry.asked.clear()
    assert gatherer(registry).head(known=first.head, policy_signed=False) is None
    assert registry.asked == [("resolve", LATEST)]


def test_no_head(registry: MemoryRegistry) -> None:
    with pytest.raises(StoreEmpty):
        gatherer(registry).head(known=None, policy_signed=False)


def test_content_at_hand_is_not_asked_for(registry: MemoryRegistry) -> None:
    store = Line().commit(registry)
    cache = MemoryCache()
    cache.put(store.evidence.snapshot.data)
    gatherer(registry, cache).head(known=None, policy_signed=False)
    assert ("manifest", store.head.snapshot.digest) not in registry.asked


def test_other_kinds_of_referrers_are_not_fetched(registry: MemoryRegistry) -> None:
    store = Line().commit(registry)
    other = Descriptor.of(b'{"sbom": true}', MEDIA_MANIFEST, artifact_type="application/spdx+json")
    _refer(registry, store.evidence.head.data, other)
    gathered = gatherer(registry).head(known=None, policy_signed=False)
    assert gathered is not None
    assert gathered.evidence.head.bundles == store.evidence.head.bundles
    assert ("manifest", other.digest) not in registry.asked


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param("gone", id="its-manifest-is-gone"),
        pytest.param("altered", id="its-manifest-is-altered"),
        pytest.param("bundle-gone", id="its-bundle-is-gone"),
    ],
)
def test_one_damaged_signature_hides_no_other(registry: MemoryRegistry, damage: str) -> None:
    store = Line().commit(registry)
    data = store.evidence.head.data
    strange = sign(STRANGER, digest_of(data))
    put_signed(registry, Signed(data, (strange,)), describe_head(data), MEDIA_INDEX, None)
    referrers = registry.referrers(digest_of(data), deadline=Deadline.after(20, SystemClock()))
    manifest = referrers[0].digest
    if damage == "gone":
        registry.forget(manifest)
    elif damage == "altered":
        registry.answer(manifest, b"{}")
    else:
        registry.forget(digest_of(store.evidence.head.bundles[0]))
    gathered = gatherer(registry).head(known=None, policy_signed=False)
    assert gathered is not None
    assert gathered.evidence.head.bundles == (strange,)


def test_a_registry_that_falls_silent_among_signatures_is_silent(registry: MemoryRegistry) -> None:
    store = Line().commit(registry)
    bundle = digest_of(store.evidence.head.bundles[0])

    def fail(_: str, subject: str) -> None:
        if subject == bundle:
            raise DOWN

    registry.before = fail
    with pytest.raises(RegistryUnavailable):
        gatherer(registry).head(known=None, policy_signed=False)


def test_no_more_signatures_are_fetched_than_are_looked_at(registry: MemoryRegistry) -> None:
    store = Line().commit(registry)
    data = store.evidence.head.data
    for number in range(FORMAT.signatures_per_digest + 4):
        bundle = sign(FakeSigner(f"signer-{number}"), digest_of(data))
        put_signed(registry, Signed(data, (bundle,)), describe_head(data), MEDIA_INDEX, None)
    gathered = gatherer(registry).head(known=None, policy_signed=False)
    assert gathered is not None
    assert len(gathered.evidence.head.bundles) == FORMAT.signatures_per_digest


def test_a_head_that_is_none(registry: MemoryRegistry) -> None:
    registry.put_manifest(b"{}", MEDIA_INDEX, tag=LATEST, deadline=Deadline.after(20, SystemClock()))
    with pytest.raises(FormatInvalid):
        gatherer(registry).head(known=None, policy_signed=False)


def test_a_snapshot_that_is_altered(registry: MemoryRegistry) -> None:
    registry.answer(Line().commit(registry).head.snapshot.digest, b"{}")
    with pytest.raises(DigestMismatch):
        gatherer(registry).head(known=None, policy_signed=False)


def test_a_snapshot_that_is_gone(registry: MemoryRegistry) -> None:
    registry.forget(Line().commit(registry).head.snapshot.digest)
    with pytest.raises(SecretNotFound):
        gatherer(registry).head(known=None, policy_signed=False)


def _refer(registry: MemoryRegistry, subject: bytes, referrer: Descriptor) -> None:
    tag = fallback_tag(digest_of(subject))
    index = add_referrer(registry.manifests[registry.tagged[tag]][0], referrer)
    registry.put_manifest(index, MEDIA_INDEX, tag=tag, deadline=Deadline.after(20, SystemClock()))


def test_no_snapshot_is_fetched_on_the_word_of_a_head_that_nobody_vouches_for(registry: MemoryRegistry) -> None:
    snapshot = Line().commit(registry, freshness=STRANGER).head.snapshot.digest
    with pytest.raises(SignatureInvalid):
        gatherer(registry).head(known=None, policy_signed=False, trust=trust())
    assert ("manifest", snapshot) not in registry.asked


def test_no_snapshot_is_parsed_that_nobody_vouches_for(registry: MemoryRegistry) -> None:
    store = Line().commit(registry, writer=STRANGER)
    with pytest.raises(SignatureInvalid):
        gatherer(registry).head(known=None, policy_signed=False, trust=trust())
    policy = store.snapshot.policy
    assert policy is not None
    assert ("manifest", store.head.snapshot.digest) in registry.asked
    assert ("manifest", policy.digest) not in registry.asked


def test_a_head_that_is_none_costs_one_request(registry: MemoryRegistry) -> None:
    Line().commit(registry)
    registry.answer(registry.tagged[LATEST], b"{}")
    with pytest.raises(FormatInvalid):
        gatherer(registry).head(known=None, policy_signed=False)
    assert [method for method, _ in registry.asked] == ["resolve"]
