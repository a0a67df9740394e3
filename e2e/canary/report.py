"""What a search found: by place, value and form how often, and where exactly."""

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from .search import Hits

_EXAMPLES: Final = 5


@dataclass
class Report:
    """Finds of one or more searches."""

    found: dict[str, Counter[tuple[str, str]]] = field(default_factory=dict)
    """By place, how often each (value's name, form) was there."""
    where: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    """Some files or programs by (place, value's name)."""
    facts: dict[str, float] = field(default_factory=dict)

    def add(self, place: str, hits: Hits, where: str) -> None:
        """Add what was found; that a place was looked at is kept too."""
        counts = self.found.setdefault(place, Counter())
        counts.update(hits)
        for name, _ in hits:
            examples = self.where.setdefault((place, name), [])
            if len(examples) < _EXAMPLES and where not in examples:
                examples.append(where)

    def merge(self, other: "Report") -> None:
        """Add what another search found."""
        for place, hits in other.found.items():
            self.found.setdefault(place, Counter()).update(hits)
        for key, examples in other.where.items():
            ours = self.where.setdefault(key, [])
            ours += [one for one in examples if one not in ours][: _EXAMPLES - len(ours)]

    def places_of(self, name: str) -> set[str]:
        """Where a value was found."""
        return {place for place, hits in self.found.items() if any(value == name for value, _ in hits)}

    def count(self, place: str, name: str) -> int:
        """How often a value was found in a place, in all forms."""
        return sum(count for (value, _), count in self.found.get(place, Counter()).items() if value == name)

    def explain(self, name: str) -> str:
        """Where a value was found, for the failure of a test."""
        return "\n".join(
            f"{place}: {', '.join(self.forms(place, name))} in {self.where[place, name]}"
            for place in sorted(self.places_of(name))
        )

    def forms(self, place: str, name: str) -> list[str]:
        """In which forms a value was found in a place."""
        return sorted(form for value, form in self.found.get(place, ()) if value == name)

    def dump(self) -> str:
        """One line of JSON."""
        found = {place: [[*key, count] for key, count in hits.items()] for place, hits in self.found.items()}
        where = [[*key, examples] for key, examples in self.where.items()]
        return json.dumps({"found": found, "where": where, "facts": self.facts})

    @classmethod
    def load(cls, text: str) -> "Report":
        """The report of such a line."""
        document: Mapping[str, Any] = json.loads(text)
        return cls(
            {
                place: Counter({(name, form): count for name, form, count in hits})
                for place, hits in document["found"].items()
            },
            {(place, name): examples for place, name, examples in document["where"]},
            document["facts"],
        )
