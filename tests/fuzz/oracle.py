"""What a policy means, said as plainly as possible: no compilation, no cleverness, tables instead of backtracking."""

from collections.abc import Callable, Sequence

from rune.model.bounded_yaml import Yaml
from rune.model.caller import Caller


def decides(written: Yaml, caller: Caller, path: str) -> bool:
    """Whether a policy that was found valid lets the caller read the path."""
    rules = written.get("rules") if isinstance(written, dict) else None
    effects = [rule["effect"] for rule in _mappings(rules) if _applies(rule, caller, path)]
    return "deny" not in effects and "allow" in effects


def fits_text(pattern: str, text: str) -> bool:
    """Whether a name fits a glob: '*' is any characters."""
    return _fits(pattern, text, many="*", one=lambda wanted, found: wanted == found)


def fits_path(pattern: Sequence[str], path: Sequence[str], caller: Caller) -> bool:
    """Whether a path's segments fit: '**' is any segments, a placeholder one that is the caller's."""
    traits = {
        "{cluster}": caller.cluster,
        "{namespace}": caller.namespace,
        "{serviceAccount}": caller.service_account,
    }

    def one(wanted: str, found: str) -> bool:
        return traits[wanted] == found if wanted in traits else fits_text(wanted, found)

    return _fits(pattern, path, many="**", one=one)


def _fits(pattern: Sequence[str], found: Sequence[str], *, many: str, one: Callable[[str, str], bool]) -> bool:
    """By a table: row[i] says whether what was read of the pattern fits the first i that were found."""
    row = [True] + [False] * len(found)
    for wanted in pattern:
        if wanted == many:
            first = row.index(True) if True in row else len(row)
            row = [at >= first for at in range(len(row))]
        else:
            row = [False] + [row[at] and one(wanted, each) for at, each in enumerate(found)]
    return row[-1]


def _applies(rule: dict[str, Yaml], caller: Caller, path: str) -> bool:
    accounts = [account.split("/") for account in _texts(rule["serviceAccounts"])]
    named = any(
        fits_text(space, caller.namespace) and fits_text(name, caller.service_account) for space, name in accounts
    )
    here = "clusters" not in rule or any(fits_text(glob, caller.cluster) for glob in _texts(rule["clusters"]))
    return named and here and any(fits_path(each.split("/"), path.split("/"), caller) for each in _texts(rule["paths"]))


def _mappings(value: Yaml) -> list[dict[str, Yaml]]:
    return [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list) else []


def _texts(value: Yaml) -> list[str]:
    return [entry for entry in value if isinstance(entry, str)] if isinstance(value, list) else []
