"""``trimtab targets``: release targets under today's profile and a candidate."""
