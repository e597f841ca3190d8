"""Pure functions on floats."""
