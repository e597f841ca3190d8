"""``trimtab parity``: differential testing of two programs over real inputs."""
