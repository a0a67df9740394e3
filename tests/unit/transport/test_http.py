"""HTTP against a server that does what it shouldn't: over real sockets on loopback."""

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from io import BufferedIOBase

import pytest

from rune.errors import DeadlineExceeded, InvalidConfig, KubernetesUnavailable, RegistryUnavailable, SizeExceeded
from rune.model.clock import Deadline, SystemClock
from rune.model.limits import TransportLimits
from rune.transport.addresses import AddressRule
from rune.transport.http import Transport
from rune.transport.message import Request, Response
from rune.transport.origin import parse_url
from rune.transport.pools import TransportConfig
from rune.transport.proxy import ProxyRules
from tests.fakes.web import Web
from tests.support.http_server import Answer
from tests.support.tls import Authority

CLOCK = SystemClock()
LIMITS = TransportLimits(read_timeout_s=5.0, attempts=3, backoff_initial_s=0.01, backoff_max_s=0.02)
TOKEN = "Bearer hush-hush"


@pytest.fixture
def web() -> Iterator[Web]:
    with Web().running() as running:
        yield running


@pytest.fixture
def other() -> Iterator[Web]:
    with Web().running() as running:
        yield running


def config_for(*webs: Web) -> TransportConfig:
    return TransportConfig(plain_http=frozenset(parse_url(web.url).origin for web in webs))


def client(config: TransportConfig, limits: TransportLimits = LIMITS) -> Transport:
    return Transport(config, unavailable=RegistryUnavailable, limits=limits)


def ask(
    web: Web, path: str, *, deadline_s: float = 10, transport: Transport | None = None, **fields: object
) -> Response:
    request = replace(Request("GET", parse_url(web.url + path), 1_000), **fields)  # type: ignore[arg-type]  # a test's short form
    return (transport or client(config_for(web))).request(request, deadline=Deadline.after(deadline_s, CLOCK))


def test_an_answer_comes_whole_with_its_headers(web: Web) -> None:
    web.on("/x", Answer(200, b"body", {"X-One": "1"}))
    response = ask(web, "/x?q=1", headers={"Accept": "a/b"})
    assert (response.status, response.body, response.header("x-ONE")) == (200, b"body", "1")
    assert web.asked[0].path == "/x?q=1"
    assert web.asked[0].headers["accept"] == "a/b"
    assert web.asked[0].headers["accept-encoding"] == "identity"
    assert web.asked[0].headers["user-agent"].startswith("rune/")


def test_a_body_is_sent_with_its_length(web: Web) -> None:
    web.on("/x", Answer(201))
    ask(web, "/x", method="PUT", body=b"abc", expected=frozenset({201}))
    assert (web.asked[0].body, web.asked[0].headers["content-length"]) == (b"abc", "3")


def test_no_cookie_is_kept(web: Web) -> None:
    web.on("/x", Answer(200, b"", {"Set-Cookie": "a=b"}))
    transport = client(config_for(web))
    for _ in range(2):
        ask(web, "/x", transport=transport)
    assert "cookie" not in web.asked[1].headers


def test_one_connection_serves_many_requests(web: Web) -> None:
    web.on("/x", Answer(200, b"x"))
    transport = client(config_for(web))
    for _ in range(5):
        ask(web, "/x", transport=transport)
    assert len({each.peer for each in web.asked}) == 1


def test_threads_share_a_transport(web: Web) -> None:
    web.on("/x", lambda asked: Answer(200, asked.path.encode()))
    transport = client(config_for(web))
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda n: ask(web, f"/x?{n}", transport=transport).body, range(64)))
    assert answers == [f"/x?{n}".encode() for n in range(64)]


# Size


def chunks(count: int, size: int = 1_000, extension: bytes = b"") -> Callable[[BufferedIOBase], None]:
    def write(wire: BufferedIOBase) -> None:
        wire.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        wire.writelines([b"%x%s\r\n%s\r\n" % (size, extension, b"x" * size)] * count)
        wire.write(b"0\r\n\r\n")

    return write


@pytest.mark.parametrize(
    ("size", "fits"), [pytest.param(1_000, True, id="at-the-cap"), pytest.param(1_001, False, id="one-byte-over")]
)
@pytest.mark.parametrize("chunked", [True, False])
def test_the_cap_is_exact(web: Web, size: int, fits: bool, chunked: bool) -> None:
    if chunked:
        web.on_raw("/x", chunks(1, size))
    else:
        web.on("/x", Answer(200, b"x" * size))
    if fits:
        assert len(ask(web, "/x").body) == size
    else:
        with pytest.raises(SizeExceeded, match="GET /x"):
            ask(web, "/x")


def test_an_endless_body_is_left_early(web: Web) -> None:
    sent = 0

    def write(wire: BufferedIOBase) -> None:
        nonlocal sent
        wire.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while sent < 200_000_000:
            sent += wire.write(b"x" * 100_000)
            wire.flush()

    web.on_raw("/x", write)
    with pytest.raises(SizeExceeded):
        ask(web, "/x")
    assert sent < 20_000_000


@pytest.mark.parametrize(
    "head",
    [
        pytest.param(b"HTTP/1.1 200 OK\r\n" + b"X-%d: " % 1 + b"y" * 60_000 + b"\r\n\r\n", id="one-long-header"),
        pytest.param(
            b"HTTP/1.1 200 OK\r\n" + b"".join(b"X-%d: %s\r\n" % (n, b"y" * 900) for n in range(90)), id="many"
        ),
        pytest.param(b"HTTP/1.1 100 Continue\r\n\r\n" * 5_000, id="continue-for-ever"),
        pytest.param(b"HTTP/1.1 200 " + b"y" * 60_000 + b"\r\n\r\n", id="reason"),
    ],
)
def test_a_head_is_bounded(web: Web, head: bytes) -> None:
    web.on_raw("/x", lambda wire: wire.writelines([head]))
    with pytest.raises((SizeExceeded, RegistryUnavailable)):
        ask(web, "/x")


def test_framing_counts_too(web: Web) -> None:
    web.on_raw("/x", chunks(200, 1, b";" + b"e" * 4_000))
    with pytest.raises(SizeExceeded):
        ask(web, "/x")


def test_a_coded_answer_is_refused(web: Web) -> None:
    web.on("/x", Answer(200, b"\x1f\x8b", {"Content-Encoding": "gzip"}))
    with pytest.raises(RegistryUnavailable, match="coding"):
        ask(web, "/x")


def test_an_answer_cut_short_is_no_answer(web: Web) -> None:
    web.on_raw("/x", lambda wire: wire.writelines([b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc"]))
    with pytest.raises(RegistryUnavailable, match="ended early"):
        ask(web, "/x")
    assert len(web.asked) == LIMITS.attempts


def test_the_body_of_an_expected_error_is_cut(web: Web) -> None:
    web.on("/x", Answer(404, b"x" * 100_000))
    assert len(ask(web, "/x", expected=frozenset({200, 404})).body) == LIMITS.error_body_bytes


# Time


def trickle(head: bytes, drop: bytes) -> Callable[[BufferedIOBase], None]:
    def write(wire: BufferedIOBase) -> None:
        wire.write(head)
        for _ in range(100):
            wire.write(drop)
            wire.flush()
            time.sleep(0.05)

    return write


@pytest.mark.parametrize(
    "write",
    [
        pytest.param(trickle(b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n", b"x"), id="body"),
        pytest.param(trickle(b"HTTP/1.1 200 OK\r\nX: ", b"y"), id="header"),
        pytest.param(trickle(b"", b"H"), id="status-line"),
        pytest.param(trickle(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"), id="chunks"),
    ],
)
def test_the_deadline_holds_against_a_byte_at_a_time(web: Web, write: Callable[[BufferedIOBase], None]) -> None:
    web.on_raw("/x", write)
    begun = time.monotonic()
    with pytest.raises(DeadlineExceeded, match=f"{web.host} answered too slowly: .* during GET /x: "):
        ask(web, "/x", deadline_s=0.4)
    assert time.monotonic() - begun < 2


@pytest.mark.parametrize("tls", [pytest.param(False, id="plain"), pytest.param(True, id="tls")])
def test_silence_until_the_deadline_is_said_to_be_the_hosts(authority: Authority, tls: bool) -> None:
    """Who was silent, when it was asked for what, and what to do; not what a signed URL's query holds."""
    with Web(authority if tls else None).running() as web:
        web.on_raw("/x", lambda _: time.sleep(1))
        trusting = client(replace(config_for(web), ca_pem=authority.ca_file.read_text()))
        with pytest.raises(DeadlineExceeded, match=f"{web.host} was silent: .* during GET /x: ") as caught:
            ask(web, "/x?signature=s3cret", transport=trusting, deadline_s=0.3)
    assert "check that the service is up" in caught.value.mend
    assert "s3cret" not in str(caught.value)


def test_a_redirects_silence_is_its_own(web: Web, other: Web) -> None:
    web.on("/x", Answer(307, b"", {"Location": f"{other.url}/y"}))
    other.on_raw("/y", lambda _: time.sleep(1))
    transport = client(config_for(web, other))
    with pytest.raises(DeadlineExceeded, match=f"{other.host} was silent"):
        ask(web, "/x", transport=transport, deadline_s=0.3, follow_redirects=True)


def test_a_silent_handshake_is_silence() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        url = parse_url(f"https://127.0.0.1:{listening.getsockname()[1]}/x")
        with pytest.raises(DeadlineExceeded, match=f"{url.origin.authority} was silent"):
            client(TransportConfig()).request(Request("GET", url, 10), deadline=Deadline.after(0.3, CLOCK))


def test_silence_ends_an_attempt_before_the_deadline(web: Web) -> None:
    web.on_raw("/x", lambda _: time.sleep(1))
    transport = client(config_for(web), replace(LIMITS, read_timeout_s=0.1))
    with pytest.raises(RegistryUnavailable, match="stopped answering"):
        ask(web, "/x", transport=transport)
    assert len(web.asked) == LIMITS.attempts


def test_a_passed_deadline_asks_nothing(web: Web) -> None:
    with pytest.raises(DeadlineExceeded, match=f"before {web.host} could be asked for GET /x"):
        ask(web, "/x", deadline_s=0)
    assert web.asked == []


def test_a_full_socket_is_not_written_to_for_ever() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        url = parse_url(f"http://127.0.0.1:{listening.getsockname()[1]}/x")
        transport = client(TransportConfig(plain_http=frozenset({url.origin})))
        begun = time.monotonic()
        with pytest.raises(DeadlineExceeded):
            transport.request(Request("PUT", url, 10, body=b"x" * 50_000_000), deadline=Deadline.after(0.5, CLOCK))
        assert time.monotonic() - begun < 3


# Repeating


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_a_passing_failure_is_repeated(web: Web, status: int) -> None:
    web.on("/x", Answer(status), Answer(200, b"at last"))
    assert ask(web, "/x").body == b"at last"


@pytest.mark.parametrize("status", [400, 401, 403, 404, 418, 501])
def test_another_status_is_an_error_at_once(web: Web, status: int) -> None:
    web.on("/x", Answer(status, b"why: hush-hush"))
    with pytest.raises(RegistryUnavailable, match=f"GET /x with status {status}") as caught:
        ask(web, "/x?signature=hush-hush", headers={"Authorization": TOKEN})
    assert len(web.asked) == 1
    assert "hush" not in str(caught.value)


@pytest.mark.parametrize(
    ("method", "status", "attempts"),
    [
        pytest.param("POST", 503, 3, id="the-server-says-it-did-nothing"),
        pytest.param("POST", 500, 1, id="a-change-that-may-have-happened"),
        pytest.param("PATCH", 504, 1, id="a-gateway-does-not-know"),
        pytest.param("PUT", 500, 3, id="the-same-twice-is-the-same"),
    ],
)
def test_what_may_have_happened_is_not_repeated(web: Web, method: str, status: int, attempts: int) -> None:
    web.on("/x", Answer(status))
    with pytest.raises(RegistryUnavailable):
        ask(web, "/x", method=method, body=b"")
    assert len(web.asked) == attempts


def test_the_caller_may_say_that_a_post_is_repeatable(web: Web) -> None:
    web.on("/x", Answer(500), Answer(200))
    assert ask(web, "/x", method="POST", body=b"", repeatable=True).status == 200


def test_retry_after_is_heard(web: Web) -> None:
    web.on("/x", Answer(503, b"", {"Retry-After": "3"}), Answer(200))
    slept: list[float] = []
    transport = Transport(config_for(web), unavailable=RegistryUnavailable, limits=LIMITS, sleep=slept.append)
    ask(web, "/x", transport=transport)
    assert slept == [3.0]


def test_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    url = parse_url(f"http://127.0.0.1:{port}/x")
    transport = Transport(
        TransportConfig(plain_http=frozenset({url.origin})), unavailable=KubernetesUnavailable, limits=LIMITS
    )
    with pytest.raises(KubernetesUnavailable, match="connection refused"):
        transport.request(Request("GET", url, 10), deadline=Deadline.after(5, CLOCK))


def test_a_name_that_nobody_knows() -> None:
    url = parse_url("https://nobody.invalid/x")
    with pytest.raises(RegistryUnavailable, match="can't be resolved"):
        client(TransportConfig()).request(Request("GET", url, 10), deadline=Deadline.after(20, CLOCK))


# What goes out


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({"Authorization": "Bearer hush-hush\r\nX: y"}, id="line-break"),
        pytest.param({"Authorization": "Bearer hush-hush\n"}, id="the-newline-at-the-end-of-a-file"),
        pytest.param({"Authorization": "Bearer hush-hüsh"}, id="not-ascii"),
        pytest.param({"X: y\r\nAuthorization": "hush-hush"}, id="name"),
    ],
)
def test_a_header_can_not_be_smuggled_and_is_not_shown(web: Web, headers: Mapping[str, str]) -> None:
    with pytest.raises(InvalidConfig) as caught:
        ask(web, "/x", headers=headers)
    assert "hush-h" not in str(caught.value)
    assert web.asked == []


def test_plain_http_only_where_it_was_asked_for(web: Web) -> None:
    with pytest.raises(InvalidConfig, match="without TLS"):
        ask(web, "/x", transport=client(TransportConfig()))
    assert web.asked == []


def test_a_request_may_bring_the_permission_for_its_own_origin(web: Web) -> None:
    web.on("/x", Answer())
    assert ask(web, "/x", transport=client(TransportConfig()), plain_http=True).status == 200


def test_a_request_may_forbid_addresses(web: Web) -> None:
    with pytest.raises(RegistryUnavailable, match="loopback"):
        ask(web, "/x", addresses=AddressRule.NOT_LOCAL)
    assert web.asked == []


def test_nothing_secret_is_in_a_repr() -> None:
    request = Request("POST", parse_url("https://a.example/?s=hush-hush"), 1, {"Authorization": TOKEN}, b"hush-hush")
    assert "hush-hush" not in repr(request)
    assert "hush-hush" not in repr(Response(200, request.url, {"x": TOKEN}, b"hush-hush"))


# TLS


def test_a_ca_of_ones_own(authority: Authority) -> None:
    with Web(authority).running() as web:
        web.on("/x", Answer(200, b"safe"))
        trusting = client(TransportConfig(ca_pem=authority.ca_file.read_text()))
        assert ask(web, "/x", transport=trusting).body == b"safe"
        with pytest.raises(RegistryUnavailable, match=r"certificate is not trusted.*caRef"):
            ask(web, "/x", transport=client(TransportConfig()))
        assert len(web.asked) == 1


def test_a_certificate_of_another_host(authority: Authority) -> None:
    with Web(authority).running() as web:
        url = parse_url(f"https://127.0.0.2:{web.port}/x")
        trusting = client(TransportConfig(ca_pem=authority.ca_file.read_text()))
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.2", web.port)) == 0:
                pytest.fail("the server must listen on one address only")
        with pytest.raises(RegistryUnavailable):
            trusting.request(Request("GET", url, 10), deadline=Deadline.after(5, CLOCK))


def test_the_deadline_holds_under_tls(authority: Authority) -> None:
    with Web(authority).running() as web:
        web.on_raw("/x", trickle(b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n", b"x"))
        trusting = client(TransportConfig(ca_pem=authority.ca_file.read_text()))
        begun = time.monotonic()
        with pytest.raises(DeadlineExceeded):
            ask(web, "/x", transport=trusting, deadline_s=0.4)
        assert time.monotonic() - begun < 2


def test_tls_1_1_is_not_spoken(authority: Authority) -> None:
    identity = authority.issue("old")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(identity.certificate, identity.key)
    context.set_ciphers("DEFAULT@SECLEVEL=0")
    with pytest.warns(DeprecationWarning, match="TLS"):
        context.minimum_version = ssl.TLSVersion.TLSv1_1
    with pytest.warns(DeprecationWarning, match="TLS"):
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            connection, _ = listening.accept()
            with connection, pytest.raises(ssl.SSLError):
                context.wrap_socket(connection, server_side=True)

        thread = threading.Thread(target=serve)
        thread.start()
        url = parse_url(f"https://127.0.0.1:{listening.getsockname()[1]}/x")
        trusting = client(TransportConfig(ca_pem=authority.ca_file.read_text()), replace(LIMITS, attempts=1))
        with pytest.raises(RegistryUnavailable, match="TLS failed"):
            trusting.request(Request("GET", url, 10), deadline=Deadline.after(5, CLOCK))
        thread.join()


@pytest.mark.parametrize("pem", ["", "nonsense", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"])
def test_a_bundle_without_certificates_is_refused(pem: str) -> None:
    with pytest.raises(InvalidConfig, match="CA bundle"):
        client(TransportConfig(ca_pem=pem))


# Redirects


def test_a_redirect_is_followed_only_where_the_request_allows_it(web: Web) -> None:
    web.on("/x", Answer(307, b"", {"Location": "/y"}))
    web.on("/y", Answer(200, b"there"))
    assert ask(web, "/x", follow_redirects=True).body == b"there"
    with pytest.raises(RegistryUnavailable, match="status 307"):
        ask(web, "/x")
    with pytest.raises(RegistryUnavailable, match="not followed"):
        ask(web, "/x", method="PUT", body=b"", follow_redirects=True)


def test_headers_stay_on_the_origin_and_leave_no_more_once_it_has_changed(web: Web, other: Web) -> None:
    web.on("/x", Answer(302, b"", {"Location": "/same"}))
    web.on("/same", Answer(302, b"", {"Location": f"{other.url}/away"}))
    other.on("/away", Answer(302, b"", {"Location": f"{web.url}/back"}))
    web.on("/back", Answer(200, b"blob"))
    response = ask(
        web,
        "/x",
        transport=client(config_for(web, other)),
        follow_redirects=True,
        headers={"Authorization": TOKEN, "X-Other": "1"},
    )
    assert (response.body, str(response.url)) == (b"blob", f"{web.url}/back")
    sent = {each.path: "authorization" in each.headers or "x-other" in each.headers for each in web.asked + other.asked}
    assert sent == {"/x": True, "/same": True, "/away": False, "/back": False}


@pytest.mark.parametrize(
    ("location", "why"),
    [
        pytest.param("http://169.254.169.254/latest/meta-data", "without TLS", id="metadata-by-http"),
        pytest.param("https://169.254.169.254/latest/meta-data", "link-local", id="metadata"),
        pytest.param("https://localhost:1/x", "loopback", id="loopback-by-name"),
        pytest.param("https://[::1]:1/x", "loopback", id="loopback-by-ipv6"),
        pytest.param("https://[::ffff:127.0.0.1]:1/x", "loopback", id="loopback-in-ipv6"),
        pytest.param("https://0.0.0.0:1/x", "unspecified", id="unspecified"),
        pytest.param("https://user:hush-hush@storage.example/x", "user name", id="user-info"),
        pytest.param("https://2130706433/x", "no valid host", id="loopback-as-a-number"),
        pytest.param("file:///etc/passwd", "scheme", id="file"),
    ],
)
def test_a_redirect_that_must_not_be_followed(web: Web, location: str, why: str) -> None:
    web.on("/x", Answer(307, b"", {"Location": location}))
    with pytest.raises(RegistryUnavailable, match=why) as caught:
        ask(web, "/x", follow_redirects=True)
    assert "hush-hush" not in str(caught.value)
    assert len(web.asked) == 1


def test_a_name_that_leads_to_loopback_is_refused_after_it_was_resolved(web: Web) -> None:
    """`localhost.localdomain` and the machine's own name are loopback on most machines, and don't look like it."""
    name = socket.gethostname().lower()
    try:
        addresses = {str(found[4][0]) for found in socket.getaddrinfo(name, None)}
    except OSError:
        addresses = set()
    if not any(address.startswith("127.") for address in addresses):
        pytest.skip(f"{name} isn't on loopback here")
    web.on("/x", Answer(307, b"", {"Location": f"https://{name}:1/x"}))
    with pytest.raises(RegistryUnavailable, match="loopback"):
        ask(web, "/x", follow_redirects=True)


def test_a_registry_on_loopback_may_name_another_port_of_its_host(web: Web, authority: Authority) -> None:
    with Web(authority).running() as storage:
        storage.on("/blob", Answer(200, b"blob"))
        web.on("/x", Answer(307, b"", {"Location": f"{storage.url}/blob"}))
        config = replace(config_for(web), ca_pem=authority.ca_file.read_text())
        assert ask(web, "/x", transport=client(config), follow_redirects=True).body == b"blob"


def test_from_https_to_http_never(web: Web, authority: Authority) -> None:
    with Web(authority).running() as registry:
        registry.on("/x", Answer(307, b"", {"Location": f"{web.url}/y"}))
        config = replace(config_for(web), ca_pem=authority.ca_file.read_text())
        with pytest.raises(RegistryUnavailable, match="without TLS"):
            ask(registry, "/x", transport=client(config), follow_redirects=True)
        assert web.asked == []


@pytest.mark.parametrize(("hops", "followed"), [(5, True), (6, False)])
def test_five_redirects_are_followed(web: Web, hops: int, followed: bool) -> None:
    for number in range(hops):
        web.on(f"/{number}", Answer(302, b"", {"Location": f"/{number + 1}"}))
    web.on(f"/{hops}", Answer(200, b"end"))
    if followed:
        assert ask(web, "/0", follow_redirects=True).body == b"end"
    else:
        with pytest.raises(RegistryUnavailable, match="redirect after redirect"):
            ask(web, "/0", follow_redirects=True)


def test_a_redirect_without_a_place(web: Web) -> None:
    web.on("/x", Answer(307))
    with pytest.raises(RegistryUnavailable, match="names no place"):
        ask(web, "/x", follow_redirects=True)


# Proxies


def test_plain_http_goes_through_a_proxy_with_its_credentials(web: Web) -> None:
    web.on("http://registry.example:5000/x", Answer(200, b"by proxy"))
    proxies = ProxyRules.explicit(f"http://user:pass@{web.host}")
    url = parse_url("http://registry.example:5000/x?y=1")
    transport = client(TransportConfig(proxies=proxies))
    response = transport.request(
        Request("GET", url, 100, headers={"Authorization": TOKEN}, plain_http=True), deadline=Deadline.after(5, CLOCK)
    )
    assert response.body == b"by proxy"
    asked = web.asked[0]
    assert asked.path == "http://registry.example:5000/x?y=1"
    assert asked.headers["host"] == "registry.example:5000"
    assert asked.headers["proxy-authorization"] == "Basic dXNlcjpwYXNz"


def test_https_goes_through_a_tunnel_and_a_refusing_proxy_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        heads: list[bytes] = []

        def serve() -> None:
            for _ in range(LIMITS.attempts):
                connection, _ = listening.accept()
                with connection:
                    heads.append(connection.recv(4_096))
                    connection.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n")

        thread = threading.Thread(target=serve)
        thread.start()
        proxies = ProxyRules.explicit(f"http://user:pass@127.0.0.1:{listening.getsockname()[1]}")
        with pytest.raises(RegistryUnavailable, match="the proxy"):
            client(TransportConfig(proxies=proxies)).request(
                Request("GET", parse_url("https://registry.example/x"), 100, headers={"Authorization": TOKEN}),
                deadline=Deadline.after(5, CLOCK),
            )
        thread.join()
    assert heads[0].startswith(b"CONNECT registry.example:443 ")
    assert b"hush-hush" not in heads[0]


def test_a_proxy_is_not_sent_to_the_metadata_service(web: Web) -> None:
    transport = client(TransportConfig(proxies=ProxyRules.explicit(web.url)))
    request = Request("GET", parse_url("http://169.254.169.254/latest"), 100, plain_http=True)
    with pytest.raises(RegistryUnavailable, match="link-local"):
        transport.request(request, deadline=Deadline.after(5, CLOCK))
    assert web.asked == []
