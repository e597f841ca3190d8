"""``trimtab fit``: whether builds fit into a smaller machine."""
