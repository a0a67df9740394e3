"""A signer by identity, as options of a command name it: in the words of rune.yaml, and by its rules."""

from rune.errors import InvalidInput
from rune.model.fields import Fields, Problem
from rune.model.spec import IdentitySpec
from rune.model.spec_signers import IDENTITY_FIELDS, read_identity

_MEND = "give --issuer URL with --subject TEXT or --subject-pattern PATTERN"


def identity_of(issuer: str | None, subject: str | None, subject_pattern: str | None) -> IdentitySpec | None:
    """The identity; None where no option names one.

    Raises:
        InvalidInput: it is incomplete, or breaks a rule of rune.yaml.
    """
    given = {
        name: text
        for name, text in zip(IDENTITY_FIELDS, (issuer, subject, subject_pattern), strict=True)
        if text is not None
    }
    if not given:
        return None
    problems: list[Problem] = []
    read = read_identity(Fields(given, "", problems, IDENTITY_FIELDS))
    if problems:
        raise InvalidInput("the identity can't be used: " + "; ".join(map(str, problems)), mend=_MEND)
    return read
