"""``trimtab clean``: what is kept, and the removal of what is no longer wanted."""
