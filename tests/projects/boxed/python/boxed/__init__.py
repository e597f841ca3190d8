"""Runs the program that comes with it."""

import subprocess
import sysconfig


def longest(below: int) -> str:
    """The number below another that takes most steps to 1."""
    return subprocess.check_output([f"{sysconfig.get_path('scripts')}/boxed", str(below)], text=True)
