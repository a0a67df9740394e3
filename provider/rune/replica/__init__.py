"""One store's accepted state on a node: kept fresh in the background, served from memory, verified before it is used.

No format, no policy and no HTTP of its own: it decides when to ask, whom to believe next and what to serve meanwhile.
Threads that serve mounts never do I/O here: they read one frozen reference, or wait for a worker's Future.
"""
