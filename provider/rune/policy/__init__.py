"""Who may read which paths: the language, compiled once, and its explanation. Pure."""
