"""This machine: the facts that measured times depend on, and its load."""

from __future__ import annotations

import contextlib
import os
import platform
import sys
from collections.abc import Mapping
from pathlib import Path

from trimtab.model.comparison import Conditions
from trimtab.model.machine import Machine

_CONTROL_GROUPS = Path("/sys/fs/cgroup")
_SHARES = (("cpu.max",), ("cpu/cpu.cfs_quota_us", "cpu/cpu.cfs_period_us"))
"""Files of control groups, version 2 and 1, with the CPU time that they allow in each period, both in µs."""
_KERNEL, _CPUS = Path("/proc/sys/kernel"), Path("/sys/devices/system/cpu")


def this_machine() -> Machine:
    """The machine as it is recorded with measurements; times of unlike machines are never compared."""
    import psutil

    return Machine(
        cpu=_cpu_name(),
        cores=usable_cores(),
        memory=psutil.virtual_memory().total,
        os=_os_name(),
        kernel=platform.release(),
        arch=platform.machine(),
    )


def these_conditions(environment: Mapping[str, str], cwd: Path) -> Conditions:
    """Conditions that shift times without any change of the program.

    Among them are the bytes of the environment, which move the stack.
    """
    aslr = _line(_KERNEL / "randomize_va_space")
    return Conditions(
        aslr=aslr != "0" if aslr else None,
        cpus=tuple(sorted(os.sched_getaffinity(0))) if hasattr(os, "sched_getaffinity") else (),
        governor=_line(_CPUS / "cpu0" / "cpufreq" / "scaling_governor"),
        environment=sum(len(os.fsencode(text)) + 1 for pair in environment.items() for text in pair),
        cwd=str(cwd),
    )


def times_throttled() -> int:
    """Count of thermal throttling events of all CPUs since the machine started; 0 where the kernel keeps none."""
    counts = (_line(path) for path in _CPUS.glob("cpu[0-9]*/thermal_throttle/core_throttle_count"))
    return sum(int(count) for count in counts if count.isdecimal())


def _line(path: Path) -> str:
    """The content of a one-line file of the kernel; empty where there is none."""
    try:
        return path.read_text().strip()
    except OSError:
        return ""


def usable_cores() -> int:
    """Cores that this process may run on, as many as Cargo would use: a container's share of CPU time counts."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(cores, max(1, _share()))


def _share() -> int:
    """Whole cores' worth of CPU time that the control group allows; `sys.maxsize` without a limit."""
    for names in _SHARES:
        with contextlib.suppress(OSError, ValueError):  # "max" is no number: there is no limit
            quota, period = map(int, " ".join((_CONTROL_GROUPS / name).read_text() for name in names).split())
            if quota > 0:
                return quota // period
    return sys.maxsize


def busy_seconds() -> float:
    """CPU seconds that the whole machine has spent working since it started; for differences only."""
    import psutil

    times = psutil.cpu_times()
    return float(times.user + times.system + getattr(times, "nice", 0.0))


def _cpu_name() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text()
    except OSError:
        text = ""
    return cpu_model(text) or platform.processor() or platform.machine()


def cpu_model(cpuinfo: str) -> str:
    """Read the CPU model from Linux's ``/proc/cpuinfo``; empty where it names none.

    x86 has a model name. ARM has numbers instead (implementer, variant and part: Arm ARM, MIDR_EL1), of each kind of
    core where there are several; other architectures name theirs as ``cpu``, ``uarch`` or ``machine``.
    """
    processors = [
        {name.strip(): value.strip() for name, colon, value in (line.partition(":") for line in block.splitlines())}
        for block in cpuinfo.split("\n\n")
    ]
    for name in ("model name", "cpu model", "cpu", "uarch", "machine"):
        if named := [facts[name] for facts in processors if facts.get(name)]:
            return " + ".join(dict.fromkeys(named))
    numbered = [
        " ".join(f"{name} {facts[f'CPU {name}']}" for name in ("implementer", "part", "variant"))
        for facts in processors
        if all(f"CPU {name}" in facts for name in ("implementer", "part", "variant"))
    ]
    return f"ARM {' + '.join(dict.fromkeys(numbered))}" if numbered else ""


def _os_name() -> str:
    if platform.system() == "Linux":
        try:
            return platform.freedesktop_os_release()["PRETTY_NAME"]
        except (OSError, KeyError):
            return "Linux"
    return f"{platform.system()} {platform.release()}"
