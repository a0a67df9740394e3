"""`rune demo`: the main job on this machine, by the very commands that a person would type."""
