"""Lies that point elsewhere: realms, redirects, pages, cookies; what they want is a request, or a password."""

import json
from collections.abc import Callable
from typing import Final

from tests.hostile import api
from tests.hostile.lie import Lie, Places, Speak, harmless, refused, silence, withheld
from tests.hostile.speak import When, is_head, is_value
from tests.support.http_server import Answer, Asked, Reply

_UNAUTHORIZED: Final = "RUNE_REGISTRY_UNAUTHORIZED"
_UNAVAILABLE: Final = "RUNE_REGISTRY_UNAVAILABLE"
_METADATA: Final = "https://169.254.169.254/latest/meta-data/iam"
ASKS_FOR_A_PASSWORD: Final = "/password-please"
SENDS_BACK: Final = "/back"
"""Paths below which the storage host does more than give blobs."""

Where = Callable[[Places], str]


def _challenge(where: Where, *, scheme: str = "Bearer") -> Speak:
    """Ask for credentials, whatever is asked."""

    def speak(asked: Asked, honest: Answer, places: Places) -> Reply:
        return Answer(401, b"", {"WWW-Authenticate": f'{scheme} realm="{where(places)}",service="tests"'})

    return speak


def _own_realm(token: Answer, status: int = 401) -> Speak:
    """A realm on the registry's own host, which is trusted, and what it answers."""

    def speak(asked: Asked, honest: Answer, places: Places) -> Reply:
        if asked.path.startswith("/token"):
            return token
        realm = f"https://{asked.headers['host']}/token"
        return Answer(status, b"", {"WWW-Authenticate": f'Bearer realm="{realm}",service="tests"'})

    return speak


def _redirect(when: When, where: Where) -> Speak:
    def speak(asked: Asked, honest: Answer, places: Places) -> Reply:
        if not when(asked, honest):
            return honest
        digest = asked.path.rpartition("/")[2]
        return Answer(307, b"", {"Location": f"{where(places)}/{digest}"})

    return speak


def _redirect_to_itself(asked: Asked, honest: Answer, places: Places) -> Reply:
    return Answer(307, b"", {"Location": asked.path}) if is_value(asked, honest) else honest


def _cookies(asked: Asked, honest: Answer, places: Places) -> Reply:
    crumbs = {"Set-Cookie": "session=tracked; Path=/; SameSite=None; Secure"}
    return Answer(honest.status, honest.body, {**honest.headers, **crumbs})


def _next_page_elsewhere(asked: Asked, honest: Answer, places: Places) -> Reply:
    if not asked.path.startswith(f"{api.BASE}/referrers/"):
        return honest
    return Answer(200, b'{"manifests":[]}', {"Link": f'<{places.local}/more>; rel="next"'})


def _token(value: object) -> Answer:
    return Answer(200, json.dumps({"token": value}).encode(), {"Content-Type": "application/json"})


LIES: Final = (
    silence(
        "realm-elsewhere",
        "asks for a token of another host",
        _UNAUTHORIZED,
        speak=_challenge(lambda places: "https://login.elsewhere.example/token"),
        tls=True,
    ),
    silence(
        "realm-on-loopback",
        "asks for a token of a service on the node",
        _UNAUTHORIZED,
        speak=_challenge(lambda places: f"{places.local}/token"),
        tls=True,
    ),
    silence(
        "realm-in-disguise",
        "asks for a token of another host, with its own name as a user's",
        _UNAUTHORIZED,
        speak=_challenge(lambda places: places.local.replace("https://", "https://127.0.0.1@") + "/token"),
        tls=True,
    ),
    silence(
        "realm-on-link-local",
        "asks for a token of the cloud's metadata service",
        _UNAUTHORIZED,
        speak=_challenge(lambda places: _METADATA),
        tls=True,
    ),
    silence(
        "realm-in-a-file",
        "asks for a token out of a file",
        _UNAUTHORIZED,
        speak=_challenge(lambda places: "file:///var/run/secrets/kubernetes.io/serviceaccount/token"),
        tls=True,
    ),
    silence(
        "realm-without-tls",
        "asks for a token of its own host, without TLS",
        _UNAUTHORIZED,
        speak=_challenge(lambda places: f"{places.plain}/token"),
        tls=True,
    ),
    silence(
        "realm-that-breaks-a-header",
        "gives a token with a line break and a header in it",
        _UNAVAILABLE,
        speak=_own_realm(_token("t0ken\r\nX-Injected: yes")),
        tls=True,
    ),
    refused(
        "realm-with-an-endless-token",
        "gives a token of a mebibyte",
        "RUNE_SIZE_EXCEEDED",
        speak=_own_realm(_token("t" * 1024 * 1024)),
        tls=True,
    ),
    silence(
        "realm-that-redirects",
        "redirects whoever brings a password to its realm",
        _UNAVAILABLE,
        speak=_own_realm(Answer(307, b"", {"Location": "https://localhost/token"})),
        tls=True,
    ),
    silence(
        "realm-for-nothing",
        "gives tokens, and refuses each of them",
        _UNAUTHORIZED,
        speak=_own_realm(_token("t0ken")),
        tls=True,
    ),
    silence(
        "basic-password",
        "asks for a password, and refuses the right one",
        _UNAUTHORIZED,
        speak=_challenge(lambda places: "tests", scheme="Basic"),
    ),
    silence(
        "challenge-nonsense",
        "asks for credentials in a header that can't be read",
        _UNAUTHORIZED,
        speak=_challenge(lambda places: 'x" realm="y', scheme="Bearer =,"),
    ),
    silence(
        "redirect-of-the-head",
        "redirects to a storage host for the head",
        _UNAVAILABLE,
        speak=_redirect(is_head, lambda places: places.storage),
        protected=True,
    ),
    harmless(
        "redirect-to-storage",
        "redirects to a storage host for a value, as real ones do",
        speak=_redirect(is_value, lambda places: places.storage),
        protected=True,
        tls=True,
    ),
    withheld(
        "redirect-to-storage-that-asks",
        "redirects to a storage host that asks for a password",
        _UNAVAILABLE,
        speak=_redirect(is_value, lambda places: places.storage + ASKS_FOR_A_PASSWORD),
        protected=True,
        tls=True,
    ),
    withheld(
        "redirect-to-loopback",
        "redirects to a service on the node for a value",
        _UNAVAILABLE,
        speak=_redirect(is_value, lambda places: places.local),
        protected=True,
        tls=True,
    ),
    withheld(
        "redirect-by-redirect-to-loopback",
        "redirects to a storage host that redirects to a service on the node",
        _UNAVAILABLE,
        speak=_redirect(is_value, lambda places: places.storage + SENDS_BACK),
        protected=True,
        tls=True,
    ),
    withheld(
        "redirect-to-link-local",
        "redirects to the cloud's metadata service for a value",
        _UNAVAILABLE,
        speak=_redirect(is_value, lambda places: _METADATA),
        protected=True,
        tls=True,
    ),
    withheld(
        "redirect-to-plain-http",
        "redirects to a host without TLS for a value",
        _UNAVAILABLE,
        speak=_redirect(is_value, lambda places: places.plain),
        protected=True,
        tls=True,
    ),
    withheld(
        "redirect-to-a-file",
        "redirects to a file for a value",
        _UNAVAILABLE,
        speak=_redirect(is_value, lambda places: "file:///etc"),
        protected=True,
        tls=True,
    ),
    withheld(
        "redirect-to-itself",
        "redirects for a value, again and again",
        _UNAVAILABLE,
        speak=_redirect_to_itself,
        protected=True,
        tls=True,
    ),
    Lie(
        "next-page-elsewhere",
        "names another host for the next page of signatures",
        new=_UNAVAILABLE,
        known=3,
        speak=_next_page_elsewhere,
        accepted=("known",),
        protected=True,
        tls=True,
    ),
    harmless("cookies", "sets a cookie with every answer", speak=_cookies, protected=True, tls=True),
)
