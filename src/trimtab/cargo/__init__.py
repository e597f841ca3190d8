"""Asking Cargo, telling Cargo, and reading what it says."""
