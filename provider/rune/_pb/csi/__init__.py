"""Generated from proto/ by hack/generate.py: do not edit. Only rune.server imports it."""
