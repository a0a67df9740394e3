"""Fakes of the ports, in memory: what the unit tests put in the place of registries, clocks and clusters."""
