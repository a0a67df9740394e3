"""From a verified caller and entries to values: authorise, fetch, open. Plaintext leaves only to the caller."""
