"""How a store changes: commit, merge, refresh. Everything that is signed here was verified first."""
