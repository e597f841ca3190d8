"""What this machine is: the facts that times depend on, and who else is using it."""

from __future__ import annotations

import os
import platform
from pathlib import Path

from trimtab.model.study import Machine


def this_machine() -> Machine:
    """The fingerprint that decides whether two times may be compared."""
    import psutil

    return Machine(
        cpu=_cpu_name(),
        cores=usable_cores(),
        memory=psutil.virtual_memory().total,
        os=_os_name(),
        kernel=platform.release(),
        arch=platform.machine(),
    )


def usable_cores() -> int:
    """Cores that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def busy_seconds() -> float:
    """CPU seconds that the whole machine has spent working since it started; for differences only."""
    import psutil

    times = psutil.cpu_times()
    return float(times.user + times.system + getattr(times, "nice", 0.0))


def _cpu_name() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _os_name() -> str:
    if platform.system() == "Linux":
        try:
            return platform.freedesktop_os_release()["PRETTY_NAME"]
        except (OSError, KeyError):
            return "Linux"
    return f"{platform.system()} {platform.release()}"
