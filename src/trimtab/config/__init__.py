"""Reading ``trimtab.toml``."""
