"""One module a family of commands. Each parses its options, calls rune.client and prints; none holds a rule."""
