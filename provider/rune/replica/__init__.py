"""One store's accepted state on this node and how it is kept fresh; the live set of stores."""
