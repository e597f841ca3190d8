"""``trimtab apply``: a chosen profile, written into ``Cargo.toml``."""
