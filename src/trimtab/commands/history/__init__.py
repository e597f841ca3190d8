"""``trimtab history``: the studies that are kept."""
