"""Readers of binaries, wheels and archives: sizes by section, symbol and crate, from the file alone."""
