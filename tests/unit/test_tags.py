"""Whether a wheel is what its tags say."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.fakes.runner import FakeRunner, finished
from trimtab.measure.tags import wheel_tags

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
    "said", [finished("not json"), finished("[]"), finished(exit_code=1, stderr="No module named x")]
)
def test_where_auditwheel_cannot_say(said: object) -> None:
    found = wheel_tags(FakeRunner().on("*", said), Path("app-1.0-py3-none-linux_x86_64.whl"))  # type: ignore[arg-type]
    assert (found.claimed, found.platform, found.warnings) == (("py3-none-linux_x86_64",), "", ())


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
