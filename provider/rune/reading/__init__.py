"""From a verified caller and entries to values: authorise, fetch, open.

Shared by mounts and whatever else reads on behalf of a caller. It renders nothing, and plaintext outlives no call.
"""
