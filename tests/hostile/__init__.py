"""A registry that lies in every way we could think of, and what nodes and writers make of it.

`python -m tests.hostile.registry --lie NAME` serves one lie to try things by hand; docs/hostile-registry.md lists them
with what each leads to, as the tests here saw it.
"""
