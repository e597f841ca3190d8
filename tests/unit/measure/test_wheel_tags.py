"""Whether a wheel is what its tags say."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from tests.fakes.runner import FakeRunner, finished
from trimtab.measure.wheel_tags import wheel_tags
from trimtab.system.process import Finished

NEEDS = json.dumps({"overall_tag": "manylinux_2_34_x86_64"})


@pytest.mark.parametrize(
    ("tag", "wrong"),
    [
        ("linux_x86_64", False),
        ("manylinux_2_34_x86_64", False),
        ("manylinux_2_39_x86_64", False),
        ("manylinux_2_17_x86_64", True),
        ("manylinux_2_17_x86_64.manylinux2014_x86_64", True),
        ("manylinux2010_x86_64", True),
        ("musllinux_1_2_x86_64", False),
    ],
)
def test_a_platform_that_is_too_old(tag: str, wrong: bool) -> None:
    runner = FakeRunner().on("*auditwheel show*", finished(NEEDS))
    found = wheel_tags(runner, Path(f"/a/app-1.0-cp311-cp311-{tag}.whl"))
    assert found.platform == "manylinux_2_34_x86_64"
    assert bool(found.warnings) is wrong
    if wrong:
        assert "but needs manylinux_2_34_x86_64 (auditwheel)" in found.warnings[0]


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (finished("not json"), "auditwheel fails: not json"),
        (finished("[]"), "auditwheel fails: []"),
        (finished(exit_code=1, stderr="Traceback:\nBadZipFile: no\n"), "auditwheel fails: BadZipFile: no"),
        (finished(stderr="INFO: …", exit_code=-9, timed_out=True, wall=60.0), "auditwheel fails: no end after 60 s"),
        (
            finished(exit_code=1, stderr="python: No module named auditwheel"),
            "auditwheel cannot be run: pip install 'trimtab[wheels]'",
        ),
    ],
)
def test_where_auditwheel_cannot_say(said: Finished, why: str) -> None:
    runner = FakeRunner().on("*", said)
    found = wheel_tags(runner, Path("app-1.0-py3-none-linux_x86_64.whl"))
    assert (found.claimed, found.platform, found.warnings) == (("py3-none-linux_x86_64",), "", ())
    assert found.unknown == (why,)
    assert all(command.timeout for command in runner.commands), "nothing may hang"


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (finished(exit_code=1, stderr="python: No module named abi3audit"), "abi3audit cannot be run: pip install"),
        (finished(exit_code=1), "abi3audit fails: exit code 1"),
        (finished('{"specs": {"x.whl": {"kind": "wheel", "wheel": []}}}'), "abi3audit finds no module"),
    ],
)
def test_where_abi3audit_cannot_say(said: Finished, why: str) -> None:
    found = wheel_tags(FakeRunner().on("*abi3audit*", said), Path("app-1.0-cp38-abi3-win_amd64.whl"))
    assert [line[: len(why)] for line in found.unknown] == [why]
    assert found.warnings == ()


def test_every_tag_of_a_name() -> None:
    found = wheel_tags(FakeRunner(), Path("app-1.0-1build-py2.py3-none-win32.win_amd64.whl"))
    assert found.claimed == ("py2-none-win32", "py2-none-win_amd64", "py3-none-win32", "py3-none-win_amd64")
    assert found.unknown == ()


def test_nothing_but_the_name_is_needed_to_tell_what_it_claims(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("packaging", "packaging.utils"):
        monkeypatch.setitem(sys.modules, name, None)
    assert wheel_tags(FakeRunner(), Path("app-1.0-cp311-cp311-win_amd64.whl")).claimed == ("cp311-cp311-win_amd64",)


def test_other_systems_are_not_asked_about() -> None:
    assert wheel_tags(FakeRunner(), Path("app-1.0-cp311-cp311-win_amd64.whl")).platform == ""


def test_symbols_outside_of_the_stable_abi() -> None:
    result = {
        "non_abi3_symbols": ["_PyObject_Secret"],
        "future_abi3_objects": {"PyType_GetModule": "3.10"},
    }
    report = {"specs": {"x.whl": {"kind": "wheel", "wheel": [{"name": "app.abi3.so", "result": result}]}}}
    runner = FakeRunner().on("*auditwheel*", finished(NEEDS)).on("*abi3audit*", finished(json.dumps(report)))
    assert wheel_tags(runner, Path("app-1.0-cp38-abi3-linux_x86_64.whl")).warnings == (
        "app.abi3.so: _PyObject_Secret is not in the stable ABI (abi3audit)",
        "app.abi3.so: PyType_GetModule is in the stable ABI since Python 3.10 only (abi3audit)",
    )
