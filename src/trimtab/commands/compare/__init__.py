"""``trimtab compare``: two programs side by side, whatever names them."""
