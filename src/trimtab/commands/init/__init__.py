"""``trimtab init``: a first ``trimtab.toml``."""
