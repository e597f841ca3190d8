"""Which profile to try next."""
