"""Values in, text out. Reports compute nothing."""
