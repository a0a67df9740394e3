"""Real parts for tests: the programs that hack/tools builds, run on loopback, with typed handles.

Nothing here knows pytest; tests/conftest.py turns these into fixtures.
"""
