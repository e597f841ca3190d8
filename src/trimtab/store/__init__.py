"""Where studies and trials are kept."""
