"""Capabilities: one folder for each command."""
