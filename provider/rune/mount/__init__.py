"""One mount: from the driver's request to the files of its answer. No I/O of its own."""
