"""The store format and the acceptance of a head: bytes in, verified values out. Pure: no I/O, no clock of its own."""
