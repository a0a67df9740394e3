"""jmesPath: selects a part of a JSON value. The one module that uses the jmespath library.

Only expressions that select are accepted, none that builds: without multi-selects and functions that make something
new, a result is never larger than the value, and the cost is at most the product of both sizes. (With them,
`[@,@]|[@,@]|...` doubles its result every six characters, and the author of a pod could exhaust the node's provider.)
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, Protocol

import jmespath
from jmespath.exceptions import JMESPathError

from rune.errors import InvalidParameter, RenderFailed, RuneError
from rune.model.bounded_json import parse_json
from rune.model.limits import MOUNT

_JSON_DEPTH: Final = 64
_SELECTING: Final = frozenset(
    {
        "and_expression",
        "comparator",
        "current",
        "field",
        "filter_projection",
        "flatten",
        "function_expression",
        "identity",
        "index",
        "index_expression",
        "literal",
        "not_expression",
        "or_expression",
        "pipe",
        "projection",
        "slice",
        "subexpression",
        "value_projection",
    }
)
_FUNCTIONS: Final = frozenset(
    {
        "contains",
        "ends_with",
        "keys",
        "length",
        "not_null",
        "starts_with",
        "to_number",
        "type",
        "values",
    }
)
_MEND: Final = "see https://jmespath.org; multi-selects and functions that build something are not accepted"


class _Compiled(Protocol):
    """What we use of jmespath.parser.ParsedResult."""

    def search(self, value: object) -> object: ...


@dataclass(frozen=True, slots=True)
class Query:
    """A compiled expression. Made by `parse_query`."""

    text: str
    compiled: _Compiled = field(repr=False, compare=False)

    def select(self, value: bytes) -> bytes:
        """The selected part: a text as it is, anything else as compact JSON.

        Raises:
            RenderFailed: the value isn't JSON, or the expression selects nothing. Shows neither.
        """
        try:
            # Signed by a writer, so its size is bound enough; commas within texts would count as values, too.
            document = parse_json(
                value,
                what="the value",
                max_bytes=MOUNT.rendered_bytes,
                max_depth=_JSON_DEPTH,
                max_items=MOUNT.rendered_bytes,
            )
        except RuneError as error:
            raise RenderFailed(
                f"jmesPath needs a JSON value: {error.what}", mend="correct the value or the key"
            ) from None
        try:
            found = self.compiled.search(document)
        except (JMESPathError, ArithmeticError, TypeError, ValueError, RecursionError):
            # Not `from error`: the library's text quotes the value.
            raise RenderFailed(
                "jmesPath can't be applied to the value", mend="compare it with the value's shape"
            ) from None
        if found is None:
            raise RenderFailed("jmesPath selects nothing of the value", mend="compare it with the value's shape")
        text = found if isinstance(found, str) else json.dumps(found, ensure_ascii=False, separators=(",", ":"))
        try:
            return text.encode()
        except UnicodeEncodeError:
            raise RenderFailed("jmesPath selects a text that is not proper Unicode", mend="correct the value") from None


def parse_query(text: str, *, field: str) -> Query:
    """Compile an expression.

    Raises:
        InvalidParameter: not JMESPath, too long, or it builds something instead of selecting.
    """
    if not text or len(text) > MOUNT.jmespath_chars:
        raise InvalidParameter(
            f"{field} must have 1 to {MOUNT.jmespath_chars} characters, it has {len(text)}", mend="shorten it"
        )
    try:
        compiled = jmespath.compile(text)
        for node in _nodes(compiled.parsed):
            _check_selects(node, field)
    except (JMESPathError, RecursionError, ValueError):
        raise InvalidParameter(f"{field} is not a JMESPath expression", mend=_MEND) from None
    return Query(text, compiled)


def _nodes(root: object) -> Iterator[dict[str, object]]:
    waiting = [root]
    while waiting:
        node = waiting.pop()
        if isinstance(node, dict):
            yield node
            children = node.get("children")
            waiting.extend(children if isinstance(children, list | tuple) else ())


def _check_selects(node: dict[str, object], field: str) -> None:
    kind = str(node.get("type"))
    if kind not in _SELECTING:
        raise InvalidParameter(f"{field} uses {kind.replace('_', ' ')}, which builds something", mend=_MEND)
    if kind == "function_expression" and node.get("value") not in _FUNCTIONS:
        raise InvalidParameter(
            f"{field} uses the function {str(node.get('value'))[:40]}",
            mend=f"accepted are {', '.join(sorted(_FUNCTIONS))}",
        )
