"""Reports of `doctor`, compared with golden files."""

from __future__ import annotations

from collections.abc import Callable

from tests.unit.commands.explore.test_reports import printed
from trimtab.commands.doctor.json import doctor_json
from trimtab.commands.doctor.model import Check, Health
from trimtab.commands.doctor.terminal import doctor_table

Golden = Callable[[str, str], None]

CHECKS = [
    Check(name="cargo", health=Health.OK, found="cargo 1.95.0 (f2d3ce0bd 2026-03-21)"),
    Check(name="cc", health=Health.MISSING, found="not on PATH", cost="Rust cannot link", remedy="apt-get install gcc"),
    Check(name="valgrind", health=Health.NOTE, found="not on PATH", cost="no instruction counts",
          remedy="sudo apt-get install valgrind"),
    Check(name="compiler wrapper", health=Health.NOTE, found="[sccache]",
          cost="a cache would fake build times: trials turn it off"),
]  # fmt: skip


def test_doctor(golden: Golden) -> None:
    golden("doctor.txt", printed([doctor_table(CHECKS)], 120))
    golden("doctor.json", doctor_json(CHECKS) + "\n")
