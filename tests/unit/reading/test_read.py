from collections.abc import Callable, Iterator
from dataclasses import replace
from threading import Event, Thread

import pytest

from rune.errors import (
    DecryptionFailed,
    DigestMismatch,
    InvalidParameter,
    KeyNotFound,
    KeysetMissing,
    KeysetNotAdmitted,
    PolicyDenied,
    RegistryUnavailable,
    RuneError,
    SecretNotFound,
    SignatureInvalid,
    SnapshotNotFound,
)
from rune.model.caller import Caller
from rune.model.limits import KIB, MOUNT
from rune.model.path import KeyName, SecretPath
from rune.model.spec import KeysetRef
from rune.model.store import LATEST, Revision
from rune.ports import Keyset
from rune.reading.read import Outcome, Reading, Want, read
from tests.fakes.signing import STRANGER
from tests.fakes.store import CONTENT, FakeKeyset, sealed, store_object, store_spec
from tests.fakes.world import API, DOWN, World

DB = SecretPath("prod/payments/db")
TLS = SecretPath("prod/payments/tls")
NEW = SecretPath("prod/payments/new")
PASSWORD = KeyName("password")
BIG = bytes(range(256)) * 80
"""More than is inline in a manifest."""
PAYMENTS_ONLY = b"""rules:
- {name: own, effect: allow, serviceAccounts: ["payments/*"], paths: ["prod/payments/**"]}
- {name: not-tls, effect: deny, serviceAccounts: ["*/*"], paths: ["prod/payments/tls"]}
"""


@pytest.fixture
def world() -> Iterator[World]:
    world = World()
    yield world
    world.stores.stop()


def mount(world: World, *wants: Want, caller: Caller = API) -> Reading:
    return read(caller, wants, world.replica(), world.deadline())


def one(world: World, want: Want, caller: Caller = API) -> Outcome:
    (outcome,) = mount(world, want, caller=caller).outcomes
    return outcome


def error_of(world: World, want: Want, caller: Caller = API) -> RuneError:
    error = one(world, want, caller).error
    assert error is not None
    return error


class TestValues:
    def test_one_key_or_all_keys_in_their_order(self, world: World) -> None:
        reading = mount(world, Want(DB, PASSWORD), Want(DB))
        assert [outcome.values for outcome in reading.outcomes] == [
            {"password": b"pw-1"},
            {"password": b"pw-1", "user": b"payments"},
        ]
        assert not reading.failures
        assert reading.revision == Revision(1, 1)

    def test_the_manifest_s_digest_changes_exactly_when_the_secret_does(self, world: World) -> None:
        first = mount(world, Want(DB), Want(TLS))
        world.line.commit(world.registry, {**CONTENT, DB: {"password": b"pw-2"}})
        world.poll()
        second = mount(world, Want(DB), Want(TLS))
        assert first.outcomes[0].manifest != second.outcomes[0].manifest
        assert first.outcomes[1].manifest == second.outcomes[1].manifest

    def test_what_is_not_inline_is_fetched(self, world: World) -> None:
        world.line.commit(world.registry, {NEW: {"a": BIG, "b": b"small"}})
        assert one(world, Want(NEW)).values == {"a": BIG, "b": b"small"}

    def test_a_warm_mount_asks_nobody(self, world: World) -> None:
        world.line.commit(world.registry, {NEW: {"a": BIG}})
        mount(world, Want(NEW))
        asked = len(world.registry.asked)
        world.cache.broken = True
        for _ in range(20):
            mount(world, Want(NEW))
        assert len(world.registry.asked) == asked

    def test_no_plaintext_shows_in_what_is_returned(self, world: World) -> None:
        assert "pw-1" not in repr(mount(world, Want(DB)))

    def test_it_is_decided_and_said_by_which_rule(self, world: World) -> None:
        decision = one(world, Want(DB)).decision
        assert (decision.path, decision.allowed, decision.rule, decision.reason) == (DB, True, "all", "")


class TestPolicy:
    @pytest.fixture(autouse=True)
    def _policy(self, world: World) -> None:
        world.line.policy = PAYMENTS_ONLY
        world.line.commit(world.registry)

    @pytest.mark.parametrize("path", [pytest.param(TLS, id="exists"), pytest.param("prod/payments/tls2", id="doesn't")])
    def test_another_s_caller_is_told_the_same_whether_the_path_exists_or_not(self, world: World, path: str) -> None:
        stranger = replace(API, namespace="shop")
        error = error_of(world, Want(SecretPath(path)), stranger)
        assert isinstance(error, PolicyDenied)
        assert str(error).replace(path, "PATH") == (
            "RUNE_POLICY_DENIED: shop/api may not read PATH: "
            + ("rule 'not-tls' denies it" if path == TLS else "no rule allows it")
            + ": correct the path, or have a writer allow it (`rune policy edit`, `rune policy test`)"
        )

    def test_a_denied_path_is_denied_alike_before_and_after_it_exists(self, world: World) -> None:
        denied = Want(SecretPath("prod/other"), optional=True)
        before = error_of(world, denied)
        world.line.commit(world.registry, {**CONTENT, denied.path: {"a": b"1"}})
        world.poll()
        assert str(error_of(world, denied)) == str(before)

    def test_a_denial_anywhere_means_that_nothing_is_looked_up(self, world: World) -> None:
        mount(world, Want(DB))
        world.registry.asked.clear()
        reading = mount(world, Want(SecretPath("prod/payments/none")), Want(TLS), Want(SecretPath("prod/shop/x")))
        assert [index for index, _ in reading.failures] == [1, 2]
        assert {type(error) for _, error in reading.failures} == {PolicyDenied}
        assert all(outcome.values is None for outcome in reading.outcomes)
        assert not world.registry.asked

    def test_optional_covers_no_denial(self, world: World) -> None:
        assert isinstance(error_of(world, Want(TLS, optional=True)), PolicyDenied)

    def test_the_object_s_own_policy_must_allow_too(self, world: World) -> None:
        world.objects.put(store_object(store_spec(policy="rules: []"), generation=2))
        assert isinstance(error_of(world, Want(DB)), PolicyDenied)

    def test_a_store_without_a_policy_denies_everything(self, world: World) -> None:
        world.line.policy = None
        world.line.commit(world.registry)
        world.poll()
        assert isinstance(error_of(world, Want(DB)), PolicyDenied)


class TestAbsence:
    def test_a_missing_path_is_an_error_unless_it_is_optional(self, world: World) -> None:
        reading = mount(world, Want(NEW), Want(NEW, optional=True), Want(DB))
        assert [type(error) for _, error in reading.failures] == [SecretNotFound]
        assert reading.outcomes[1].values is None
        assert reading.outcomes[1].error is None
        assert reading.outcomes[2].values is not None
        assert reading.outcomes[0].decision.reason == SecretNotFound.reason

    def test_a_missing_key_is_an_error_unless_it_is_optional(self, world: World) -> None:
        reading = mount(world, Want(DB, KeyName("none")), Want(DB, KeyName("none"), optional=True))
        assert [type(error) for _, error in reading.failures] == [KeyNotFound]

    def test_a_path_that_was_written_meanwhile_is_found_by_one_refresh(self, world: World) -> None:
        mount(world, Want(DB))
        world.line.commit(world.registry, {**CONTENT, NEW: {"a": b"1"}})
        reading = mount(world, Want(NEW), Want(DB))
        assert reading.outcomes[0].values == {"a": b"1"}
        assert reading.revision == Revision(1, 2)

    def test_a_key_that_was_written_meanwhile_is_found_by_one_refresh(self, world: World) -> None:
        mount(world, Want(DB))
        world.line.commit(world.registry, {DB: {"more": b"1"}})
        assert one(world, Want(DB, KeyName("more"))).values == {"more": b"1"}

    def test_policy_is_decided_again_by_the_newer_state(self, world: World) -> None:
        mount(world, Want(DB))
        world.line.policy = PAYMENTS_ONLY
        world.line.commit(world.registry, {**CONTENT, "prod/else": {"a": b"1"}})
        assert isinstance(error_of(world, Want(SecretPath("prod/else"))), PolicyDenied)

    def test_many_misses_are_one_refresh_for_each_interval(self, world: World) -> None:
        mount(world, Want(DB))
        world.registry.asked.clear()
        for _ in range(20):
            mount(world, Want(NEW, optional=True))
        assert world.registry.asked == [("resolve", LATEST)]

    def test_a_store_that_lies_when_asked_again_is_no_absence(self, world: World) -> None:
        mount(world, Want(DB))
        world.line.commit(world.registry, writer=STRANGER)
        with pytest.raises(SignatureInvalid):
            mount(world, Want(NEW, optional=True))


def _forgets_the_manifest(world: World) -> None:
    world.registry.forget(world.state().snapshot.secrets[DB].digest)


def _alters_the_manifest(world: World) -> None:
    world.registry.answer(world.state().snapshot.secrets[DB].digest, b"{}")


def _is_gone(world: World) -> None:
    world.state()
    world.registry.outage = DOWN


def _has_another_keyset(world: World) -> None:
    world.parts.keysets = {"main": Keyset(KeysetRef("main", "main"), FakeKeyset("other"), ("*",))}


def _has_no_keyset(world: World) -> None:
    world.parts.keysets = {}


def _has_a_keyset_of_another_namespace(world: World) -> None:
    world.parts.keysets = {"main": Keyset(KeysetRef("main", "main"), FakeKeyset(), ("shop", "shop-*"))}


def _has_a_keyset_for_other_paths(world: World) -> None:
    ref = KeysetRef("main", "main", ("prod/shop/**",))
    world.parts.keysets = {"main": Keyset(ref, FakeKeyset(), ("*",))}


def _moves_a_value_to_another_path(world: World) -> None:
    moved = sealed(CONTENT, FakeKeyset())
    moved[DB], moved[TLS] = {"password": moved[TLS]["tls.crt"]}, {"tls.crt": moved[DB]["password"]}
    world.line.commit_sealed(world.registry, moved)


FAILURES = [
    pytest.param(_forgets_the_manifest, RegistryUnavailable, id="the-registry-lost-the-manifest"),
    pytest.param(_alters_the_manifest, DigestMismatch, id="the-manifest-is-altered"),
    pytest.param(_is_gone, RegistryUnavailable, id="the-registry-is-down"),
    pytest.param(_has_another_keyset, DecryptionFailed, id="another-keyset"),
    pytest.param(_has_no_keyset, KeysetMissing, id="no-keyset"),
    pytest.param(_has_a_keyset_of_another_namespace, KeysetNotAdmitted, id="keyset-of-another-namespace"),
    pytest.param(_has_a_keyset_for_other_paths, KeysetNotAdmitted, id="keyset-of-other-paths"),
    pytest.param(_moves_a_value_to_another_path, DecryptionFailed, id="a-value-was-moved"),
]


class TestFailures:
    @pytest.mark.parametrize("optional", [pytest.param(False, id="required"), pytest.param(True, id="optional")])
    @pytest.mark.parametrize(("fault", "kind"), FAILURES)
    def test_each_is_an_error_of_the_entry_optional_or_not(
        self, world: World, fault: Callable[[World], None], kind: type[RuneError], optional: bool
    ) -> None:
        fault(world)
        error = error_of(world, Want(DB, optional=optional))
        assert type(error) is kind
        assert "pw-1" not in str(error)

    def test_every_failing_entry_is_named(self, world: World) -> None:
        _has_no_keyset(world)
        reading = mount(world, Want(DB), Want(NEW), Want(TLS))
        assert [type(error) for _, error in reading.failures] == [KeysetMissing, SecretNotFound, KeysetMissing]

    def test_more_than_a_mount_may_hold_is_refused_before_it_is_fetched(self, world: World) -> None:
        value = bytes(900 * KIB)
        paths = [SecretPath(f"big/{number}") for number in range(MOUNT.read_bytes // len(value) + 1)]
        world.line.commit(world.registry, {path: {"a": value} for path in paths})
        world.state()
        world.registry.requests.clear()
        with pytest.raises(InvalidParameter, match="split"):
            mount(world, *(Want(path) for path in paths))
        assert world.registry.requests["blob"] == 0
        # The same content counts once.
        assert not mount(world, *[Want(paths[0])] * 20).failures

    def test_manifests_count_before_they_are_fetched(self, world: World) -> None:
        values = {f"key-{number}": bytes(12 * KIB) for number in range(40)}
        paths = [SecretPath(f"big/{number}") for number in range(20)]
        world.line.commit(world.registry, {path: {**values, "own": path.encode()} for path in paths})
        world.state()
        world.registry.requests.clear()
        with pytest.raises(InvalidParameter):
            mount(world, *(Want(path, KeyName("own")) for path in paths))
        assert world.registry.requests["manifest"] == 0


class TestBinding:
    @pytest.mark.parametrize(
        ("bound", "caller", "opens"),
        [
            pytest.param({"cluster": "east"}, API, True, id="its-cluster"),
            pytest.param({"cluster": "west"}, API, False, id="another-cluster"),
            pytest.param({"audience": "payments/api"}, API, True, id="its-service-account"),
            pytest.param(
                {"audience": "payments/api"}, replace(API, service_account="job"), False, id="another-account"
            ),
            pytest.param({"cluster": "east", "audience": "payments/api"}, API, True, id="both"),
            pytest.param({"cluster": "east", "audience": "shop/api"}, API, False, id="one-of-both"),
        ],
    )
    def test_a_bound_value_opens_only_there(
        self, world: World, bound: dict[str, str], caller: Caller, opens: bool
    ) -> None:
        world.line.commit_bound(world.registry, {DB: {"password": b"bound"}}, **bound)
        outcome = one(world, Want(DB), caller)
        if opens:
            assert outcome.values == {"password": b"bound"}
        else:
            assert isinstance(outcome.error, DecryptionFailed)
            traits = {"cluster": "cluster", "audience": "service account"}
            assert f"bound to one {' and '.join(traits[name] for name in bound)}," in str(outcome.error)


class TestPins:
    @pytest.fixture(autouse=True)
    def _history(self, world: World) -> None:
        world.line.commit(world.registry, {**CONTENT, DB: {"password": b"pw-2"}})
        world.line.commit(world.registry, {DB: {"password": b"pw-3"}, NEW: {"a": b"1"}})

    def test_an_earlier_revision_is_read_beside_the_current_one(self, world: World) -> None:
        wants = [Want(DB, PASSWORD, pin=pin) for pin in (1, 2, 3, None)]
        values = [outcome.values for outcome in mount(world, *wants).outcomes]
        assert values == [{"password": f"pw-{number}".encode()} for number in (1, 2, 3, 3)]

    def test_a_warm_pinned_mount_asks_nobody(self, world: World) -> None:
        mount(world, Want(DB, pin=1))
        asked = len(world.registry.asked)
        mount(world, Want(DB, pin=1))
        assert len(world.registry.asked) == asked

    def test_the_path_must_exist_today(self, world: World) -> None:
        assert isinstance(error_of(world, Want(TLS, pin=1)), SecretNotFound)

    def test_the_path_must_have_existed_then(self, world: World) -> None:
        assert isinstance(error_of(world, Want(NEW, pin=1)), SecretNotFound)
        assert one(world, Want(NEW, pin=1, optional=True)).error is None

    def test_today_s_policy_decides(self, world: World) -> None:
        world.line.policy = b"rules: []"
        world.line.commit(world.registry)
        assert isinstance(error_of(world, Want(DB, pin=1)), PolicyDenied)

    @pytest.mark.parametrize("number", [pytest.param(0, id="zero"), pytest.param(4, id="not-yet")])
    @pytest.mark.parametrize("optional", [False, True])
    def test_a_revision_that_is_not_in_the_history_is_no_absence(
        self, world: World, number: int, optional: bool
    ) -> None:
        assert isinstance(error_of(world, Want(DB, pin=number, optional=optional)), SnapshotNotFound)

    def test_a_revision_below_the_limit_is_refused(self, world: World) -> None:
        world.objects.put(store_object(store_spec(min_pin_revision=2), generation=2))
        assert isinstance(error_of(world, Want(DB, pin=1)), SnapshotNotFound)
        assert one(world, Want(DB, pin=2)).error is None


class TestOneSnapshot:
    def test_a_swap_in_the_middle_of_a_mount_is_not_seen(self, world: World) -> None:
        world.line.commit(world.registry, {DB: {"password": b"old"}, TLS: {"tls.crt": BIG}})
        mount(world, Want(DB))
        fetching, go_on = Event(), Event()
        wanted = world.state().snapshot.secrets[TLS].digest

        def hold(method: str, subject: str) -> None:
            if subject == wanted:
                fetching.set()
                assert go_on.wait(20)

        world.registry.before = hold
        readings: list[Reading] = []
        mounting = Thread(target=lambda: readings.append(mount(world, Want(DB), Want(TLS))))
        mounting.start()
        assert fetching.wait(20)
        world.line.commit(world.registry, {DB: {"password": b"new"}, TLS: {"tls.crt": b"new"}})
        world.poll()
        assert world.state().revision == Revision(1, 3)
        go_on.set()
        mounting.join(20)
        (reading,) = readings
        assert reading.revision == Revision(1, 2)
        assert [outcome.values for outcome in reading.outcomes] == [{"password": b"old"}, {"tls.crt": BIG}]
