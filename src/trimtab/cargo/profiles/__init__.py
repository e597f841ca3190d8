"""Cargo profiles: the effective one, inheritance, edits, and how Cargo is told."""
