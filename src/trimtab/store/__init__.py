"""Store of studies and trials."""
