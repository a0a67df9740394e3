"""Ways to bend a document: JSON as free form."""

import json
from collections.abc import Callable
from typing import Any

# A document is free-form JSON while a test bends it.
Document = dict[str, Any]


def bend(data: bytes, change: Callable[[Document], object]) -> bytes:
    document = json.loads(data)
    change(document)
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode()


def annotate(name: str, value: object) -> Callable[[Document], object]:
    return lambda document: document["annotations"].__setitem__(name, value)


def entry(number: int, **fields: object) -> Callable[[Document], object]:
    return lambda document: document["manifests"][number].update(fields)


def layer(number: int, **fields: object) -> Callable[[Document], object]:
    return lambda document: document["layers"][number].update(fields)


def layer_note(number: int, **fields: object) -> Callable[[Document], object]:
    names = {"bound": "io.rune.bound", "keyset": "io.rune.keyset", "title": "org.opencontainers.image.title"}
    notes = {names.get(name, name): value for name, value in fields.items()}
    return lambda document: document["layers"][number]["annotations"].update(notes)
