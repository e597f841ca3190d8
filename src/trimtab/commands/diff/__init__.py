"""``trimtab diff``: what changed between two files."""
