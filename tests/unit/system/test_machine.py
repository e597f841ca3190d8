"""What is said of this machine, with a kernel that says what it is told to."""

from __future__ import annotations

import os
from dataclasses import fields, replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fakes.values import MACHINE
from trimtab.model.machine import Machine
from trimtab.system import machine
from trimtab.system.machine import cpu_model, these_conditions, this_machine, times_throttled, usable_cores


@pytest.fixture
def kernel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in the place of the kernel's own files, at first empty."""
    monkeypatch.setattr(machine, "_KERNEL", tmp_path / "kernel")
    monkeypatch.setattr(machine, "_CPUS", tmp_path / "cpu")
    return tmp_path


def says(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


class TestUsableCores:
    @pytest.fixture
    def groups(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        """A machine of eight cores, whose control groups say nothing at first."""
        monkeypatch.setattr(machine, "_CONTROL_GROUPS", tmp_path)
        monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
        return tmp_path

    @pytest.mark.parametrize(
        ("text", "cores"),
        [("200000 100000\n", 2), ("150000 100000\n", 1), ("50000 100000\n", 1), ("max 100000\n", 8), ("", 8),
         ("6400000 100000\n", 8)],
    )  # fmt: skip
    def test_a_containers_share_in_version_2(self, groups: Path, text: str, cores: int) -> None:
        says(groups / "cpu.max", text)
        assert usable_cores() == cores

    @pytest.mark.parametrize(("quota", "cores"), [("300000", 3), ("-1", 8)])
    def test_and_in_version_1(self, groups: Path, quota: str, cores: int) -> None:
        says(groups / "cpu" / "cpu.cfs_quota_us", f"{quota}\n")
        says(groups / "cpu" / "cpu.cfs_period_us", "100000\n")
        assert usable_cores() == cores

    def test_where_nothing_is_said(self, groups: Path) -> None:
        assert usable_cores() == 8


class TestConditions:
    @pytest.mark.parametrize(("text", "aslr"), [("2\n", True), ("1\n", True), ("0\n", False), ("", None)])
    def test_addresses(self, kernel: Path, text: str, aslr: bool | None) -> None:
        says(kernel / "kernel" / "randomize_va_space", text)
        assert these_conditions({}, Path()).aslr is aslr

    def test_a_kernel_that_says_nothing(self, kernel: Path) -> None:
        found = these_conditions({}, Path("/home/ann"))
        assert (found.aslr, found.governor, found.environment, found.cwd) == (None, "", 0, "/home/ann")
        assert times_throttled() == 0

    def test_the_governor_is_the_first_cpus(self, kernel: Path) -> None:
        says(kernel / "cpu" / "cpu0" / "cpufreq" / "scaling_governor", "powersave\n")
        assert these_conditions({}, Path()).governor == "powersave"

    def test_cpus_are_those_that_may_be_used(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(os, "sched_getaffinity", lambda _: {3, 1}, raising=False)
        assert these_conditions({}, Path()).cpus == (1, 3)
        monkeypatch.delattr(os, "sched_getaffinity")
        assert these_conditions({}, Path()).cpus == ()

    @pytest.mark.parametrize(
        ("environment", "size"), [({}, 0), ({"A": "b"}, 4), ({"A": "b", "LONG": ""}, 10), ({"Ä": "\udce9"}, 5)]
    )
    def test_the_environment_is_as_large_as_on_the_stack(self, environment: dict[str, str], size: int) -> None:
        assert these_conditions(environment, Path()).environment == size

    def test_slowing_down_for_heat_is_summed_over_the_cpus(self, kernel: Path) -> None:
        for number, text in enumerate(("3\n", "4\n", "no number\n")):
            says(kernel / "cpu" / f"cpu{number}" / "thermal_throttle" / "core_throttle_count", text)
        says(kernel / "cpu" / "cpufreq" / "thermal_throttle" / "core_throttle_count", "1000\n")
        assert times_throttled() == 7


class TestUnlike:
    def test_a_machine_is_like_itself(self) -> None:
        assert this_machine().unlike(this_machine()) == ()
        assert MACHINE.unlike(replace(MACHINE)) == ()

    @pytest.mark.parametrize("name", [field.name for field in fields(Machine)])
    def test_every_part_forbids_comparing_times_or_deserves_a_note(self, name: str) -> None:
        value = getattr(MACHINE, name)
        other = replace(MACHINE, **{name: value + 1 if isinstance(value, int) else f"another {value}"})  # type: ignore[arg-type]
        is_of_class = name in ("cpu", "cores", "arch")
        assert len(MACHINE.unlike(other)) == is_of_class
        assert (MACHINE.machine_class == other.machine_class) == (not is_of_class)
        (reason,) = MACHINE.unlike(other) or MACHINE.provenance_unlike(other)
        assert f"{value}, not {getattr(other, name)}" in reason

    def test_all_reasons_are_given(self) -> None:
        other = replace(MACHINE, cores=4, arch="aarch64", kernel="6.6.0")
        assert MACHINE.unlike(other) == ("cores 2, not 4", "architecture x86_64, not aarch64")
        assert MACHINE.provenance_unlike(other) == ("kernel 6.1.0, not 6.6.0",)

    @given(st.integers(1, 8), st.integers(1, 8))
    def test_who_is_asked_makes_no_difference(self, one: int, two: int) -> None:
        left, right = replace(MACHINE, cores=one), replace(MACHINE, cores=two)
        assert bool(left.unlike(right)) == bool(right.unlike(left)) == (one != two)


X86 = """\
processor\t: 0
vendor_id\t: GenuineIntel
model name\t: Imaginary CPU 9000

processor\t: 1
model name\t: Imaginary CPU 9000
"""
N1 = """\
processor\t: {0}
BogoMIPS\t: 243.75
CPU implementer\t: 0x41
CPU architecture: 8
CPU variant\t: 0x3
CPU part\t: 0xd0c
CPU revision\t: 1
"""
A53 = N1.replace("0xd0c", "0xd03").replace("0x3", "0x0")


class TestCpuModel:
    @pytest.mark.parametrize(
        ("cpuinfo", "model"),
        [
            (X86, "Imaginary CPU 9000"),
            (N1.format(0) + "\n" + N1.format(1), "ARM implementer 0x41 part 0xd0c variant 0x3"),
            (
                A53.format(0) + "\n" + N1.format(1),
                "ARM implementer 0x41 part 0xd03 variant 0x0 + implementer 0x41 part 0xd0c variant 0x3",
            ),
            ("processor\t: 0\ncpu\t\t: POWER9, altivec supported\n", "POWER9, altivec supported"),
            ("processor\t: 0\nhart\t\t: 2\nisa\t\t: rv64imafdc\nuarch\t\t: sifive,u74-mc\n", "sifive,u74-mc"),
            ("", ""),
        ],
    )
    def test_is_named_as_each_architecture_names_it(self, cpuinfo: str, model: str) -> None:
        assert cpu_model(cpuinfo) == model

    def test_another_arm_core_is_another_model(self) -> None:
        assert cpu_model(N1.format(0)) != cpu_model(A53.format(0))

    def test_this_machine_has_one(self) -> None:
        assert this_machine().cpu
