"""``trimtab show``: a study that was stored."""
