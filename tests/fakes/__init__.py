"""Deterministic stand-ins for everything that trimtab does to the world, and ready-made values."""
