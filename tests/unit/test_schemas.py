"""The JSON that other programs rely on: every document keeps its schema, and the schemas are strict."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from tests.fakes.foretold import a_fit, a_forecast
from tests.fakes.parities import a_full_parity
from tests.fakes.targets import a_full_report
from tests.fakes.trained import an_aging, an_optimized_build
from tests.fakes.values import FAT, TODAY, a_full_study, failed, study, trial
from tests.fakes.weights import after, before
from tests.unit.commands.clean.test_reports import CLEANING
from tests.unit.commands.doctor.test_reports import CHECKS
from tests.unit.commands.history.test_reports import STUDIES
from trimtab.choice.answer import answer
from trimtab.commands.bench.json import comparison_json
from trimtab.commands.clean.json import clean_json
from trimtab.commands.diff.difference import difference
from trimtab.commands.diff.json import diff_json
from trimtab.commands.diff.registry_limits import allowances
from trimtab.commands.doctor.json import doctor_json
from trimtab.commands.explore.json import study_json
from trimtab.commands.fit.json import fit_json
from trimtab.commands.forecast.json import forecast_json
from trimtab.commands.history.json import history_json
from trimtab.commands.init.json import init_json
from trimtab.commands.parity.json import parity_json
from trimtab.commands.pgo.json import age_json, build_json
from trimtab.commands.targets.json import targets_json
from trimtab.model.comparison import Comparison, ComparisonRow, Conditions, Mode, Verdict
from trimtab.model.study import Study

SCHEMAS = Path(__file__).parents[2] / "docs" / "schemas"
APPLICATION = {
    "schema": "trimtab.application/1", "study": "sounding-1a2b3c", "manifest": "/home/ann/sounding/Cargo.toml",
    "written": True, "diff": "--- a\n+++ b\n", "notes": ["compiler flags have no place in a profile"],
}  # fmt: skip
COMPARISON = Comparison(
    base="base", heads=("head",), machine=a_full_study().machine, seconds=3.5, notes=("busy",), command="trimtab bench",
    conditions=Conditions(aslr=True, cpus=(0, 1), governor="performance", environment=812, cwd="/home/ann"),
    rows=(
        ComparisonRow(
            subject="check", metric="wall", mode=Mode.PAIRED, base=0.1, head=0.11, unit="s", change=0.1,
            low=0.05, high=None, verdict=Verdict.REGRESSED, runs=12,
        ),
        ComparisonRow(
            subject="list", metric="cpu", mode=Mode.PAIRED, base=None, head=None, unit="s", change=0.0,
            low=0.0, high=0.0, verdict=Verdict.IDENTICAL, runs=0,
        ),
    ),
    null=(),
)  # fmt: skip
PLAN = {
    "schema": "trimtab.plan/1", "id": "sounding-1a2b3c", "units": 8,
    "profiles": [{"label": "today", "known": True, "profile": TODAY.spelled()}],
    "seconds": {"low": 20.5, "high": 180.0, "basis": "rule of thumb for 8 compilation units"},
}  # fmt: skip


@cache
def validator(name: str) -> Draft202012Validator:
    schema = json.loads((SCHEMAS / f"{name}.schema.json").read_text("utf-8"))
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


def document_of(found: Study) -> Any:
    return json.loads(study_json(found, answer(found)))


def small_study() -> Study:
    """One trial with everything that a trial can have, and a failure."""
    full = a_full_study()
    return study(full.trials[0], full.trials[2], full.trials[-1], benches=full.benches, project=full.project)


DOCUMENTS: dict[str, Any] = {
    "study": document_of(small_study()),
    "history": json.loads(history_json(STUDIES)),
    "clean": json.loads(clean_json(CLEANING)),
    "doctor": json.loads(doctor_json(CHECKS)),
    "application": APPLICATION,
    "plan": PLAN,
    "init": json.loads(init_json(Path("/home/ann/sounding/trimtab.toml"), "# all optional\n", written=True)),
    "comparison": json.loads(comparison_json(COMPARISON)),
    "parity": json.loads(parity_json(a_full_parity())),
    "forecast": json.loads(forecast_json(a_forecast())),
    "fit": json.loads(fit_json(a_fit())),
    "aging": json.loads(age_json(an_aging())),
    "optimized": json.loads(build_json(an_optimized_build())),
    "targets": json.loads(targets_json(a_full_report())),
    "diff": json.loads(diff_json(difference(before(), after()), allowances(difference(before(), after()), 2))),
}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_document_keeps_its_schema(name: str) -> None:
    validator(name).validate(DOCUMENTS[name])
    schema = json.loads((SCHEMAS / f"{name}.schema.json").read_text("utf-8"))
    assert DOCUMENTS[name]["schema"] == f"trimtab.{name}/1" == schema["title"]


@pytest.mark.parametrize(
    "found",
    [
        study(),
        study(trial(TODAY), trial(FAT)),
        study(failed(TODAY), trial(FAT)),
        study(failed(TODAY), failed(FAT)),
        a_full_study(),
    ],
    ids=["empty", "plain", "without today", "nothing built", "everything"],
)
def test_every_study_keeps_it(found: Study) -> None:
    validator("study").validate(document_of(found))


def test_every_schema_has_a_document_here() -> None:
    assert {path.name.removesuffix(".schema.json") for path in SCHEMAS.iterdir()} == set(DOCUMENTS)


def paths(value: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The place of every value inside a document."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield (*place, key)
        yield from paths(inner, (*place, key))


def mutated(document: Any, place: tuple[Any, ...], value: Any = None, *, drop: bool = False) -> Any:
    changed = copy.deepcopy(document)
    holder = changed
    for key in place[:-1]:
        holder = holder[key]
    if drop:
        del holder[place[-1]]
    else:
        holder[place[-1]] = value
    return changed


@pytest.mark.parametrize("name", DOCUMENTS)
def test_no_value_may_be_of_another_kind(name: str) -> None:
    document = DOCUMENTS[name]
    accepted = [
        place for place in paths(document) if validator(name).is_valid(mutated(document, place, {"another": "kind"}))
    ]
    assert accepted == []


@pytest.mark.parametrize("name", DOCUMENTS)
def test_no_key_may_be_missing_or_new(name: str) -> None:
    document, extended = DOCUMENTS[name], set[tuple[Any, ...]]()
    for place in paths(document):
        if isinstance(place[-1], int) or place[-2:-1] in (("metrics",), ("absent",), ("steps",)):
            continue  # a list may be shorter, and these hold whatever was measured
        assert not validator(name).is_valid(mutated(document, place, drop=True)), place
        if place[:-1] not in extended:
            extended.add(place[:-1])
            assert not validator(name).is_valid(mutated(document, (*place[:-1], "new-key"), 1)), place


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("schema",), "trimtab.study/2"),
        (("trials", 0, "status"), "fine"),
        (("trials", 0, "status"), "failed"),
        (("trials", 2, "status"), "ok"),
        (("trials", 0, "profile", "lto"), "true"),
        (("trials", 0, "profile", "codegen-units"), 0),
        (("trials", 0, "metrics", "size.weight"), {"value": 1}),
        (("trials", 0, "metrics", "size.file", "unit"), "MB"),
        (("trials", 0, "metrics", "size.file", "value"), None),
        (("trials", 0, "artifacts", 0, "sha256"), "abc"),
        (("recommendation", "goal"), "tiny"),
        (("recommendation", "why"), []),
        (("planned",), -1),
        (("machine", "memory"), 1.5),
    ],
)
def test_no_study_may_say(place: tuple[Any, ...], value: Any) -> None:
    assert not validator("study").is_valid(mutated(DOCUMENTS["study"], place, value))
