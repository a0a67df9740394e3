"""Hostile bytes for every parser of what Rune doesn't trust (docs/fuzzing.md).

`targets` says what is attacked and what must hold; `test_targets` does a little of it in every run of the tests, and
`python -m tests.fuzz` (`make fuzz`) a lot, guided by coverage where atheris is installed.
"""
