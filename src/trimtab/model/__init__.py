"""Frozen values without I/O: profiles, spaces, measurements, trials, studies, verdicts."""
