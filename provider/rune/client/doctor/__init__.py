"""`rune doctor`: what is missing in a cluster and in the stores, in plain words and with the command that mends it.

Facts are gathered once, with the person's own rights, into one frozen picture (rune.client.doctor.gather); every check
is a pure function of that picture. What can't be known (no cluster, no right to look) is `skipped` with the reason,
and never ok. Nothing in a cluster or store is changed, and no key or value is ever asked for by the cluster's checks:
of a keyset's Secret only the metadata is read.
"""
