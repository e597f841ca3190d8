"""``trimtab bench``: commands side by side, in pairs."""
