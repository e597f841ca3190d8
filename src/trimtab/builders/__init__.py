"""Turning a profile into binaries, at a known cost."""
