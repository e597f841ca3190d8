"""``trimtab parity``: whether two programs behave the same."""
