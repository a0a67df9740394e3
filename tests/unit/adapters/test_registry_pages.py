"""The Link header, within one origin."""

import pytest

from rune.adapters.registry_pages import next_page
from rune.errors import RegistryUnavailable
from rune.transport.message import Response
from rune.transport.origin import parse_url

PAGE = parse_url("https://registry.example/v2/team/secrets/tags/list?n=2")


def page(link: str | None) -> Response:
    return Response(200, PAGE, {} if link is None else {"link": link}, b"")


@pytest.mark.parametrize(
    ("link", "expected"),
    [
        pytest.param(None, None, id="none"),
        pytest.param(
            '</v2/x/tags/list?last=b>; rel="next"', "https://registry.example/v2/x/tags/list?last=b", id="path"
        ),
        pytest.param("</v2/x?last=b>; rel=next", "https://registry.example/v2/x?last=b", id="token"),
        pytest.param("<https://registry.example:443/y>;rel=next", "https://registry.example/y", id="same-origin"),
        pytest.param('</prev>; rel="prev"', None, id="another-relation"),
        pytest.param('</prev>; rel="prev", </y>; rel="next"', "https://registry.example/y", id="the-second"),
        pytest.param('</y>; title="a"; rel="next"', "https://registry.example/y", id="after-another-parameter"),
        pytest.param("nonsense", None, id="nonsense"),
    ],
)
def test_next_page(link: str | None, expected: str | None) -> None:
    found = next_page(page(link))
    assert (None if found is None else str(found)) == expected


@pytest.mark.parametrize(
    "link",
    [
        pytest.param("<https://evil.example/tags>; rel=next", id="another-host"),
        pytest.param("<http://registry.example/tags>; rel=next", id="another-scheme"),
        pytest.param("<//169.254.169.254/tags>; rel=next", id="metadata"),
        pytest.param("<https://registry.example@evil.example/>; rel=next", id="user-info"),
    ],
)
def test_a_page_elsewhere_is_an_error_and_not_the_end(link: str) -> None:
    with pytest.raises(RegistryUnavailable):
        next_page(page(link))
