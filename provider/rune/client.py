"""The typed public Python API of Rune."""
