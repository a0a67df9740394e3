"""The one place that builds objects from configuration: the daemon and the writer. No rule lives here."""
