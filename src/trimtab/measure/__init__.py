"""Probes: from what was built to measurements. Probes never build."""
