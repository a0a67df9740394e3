"""The `rune` command: parses options, calls rune.client, prints. No rule and no format lives here."""
