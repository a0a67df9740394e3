"""What the words of Rune are made of: frozen values, parsed once at the edge. No I/O, no third-party client."""
