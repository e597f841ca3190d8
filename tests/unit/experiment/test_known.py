"""Stored trials that are used again: what their builds found out about benches holds for those benches only."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from tests.fakes.parts import FakeProvenance
from tests.fakes.values import TODAY, study, trial
from trimtab.experiment.known import KnownTrials
from trimtab.model.metric import UNTRAINED_EXECUTED, Measurement
from trimtab.model.plan import Bench, Training
from trimtab.model.profile import Switch
from trimtab.model.trial import Cost, TrainedBuild, Trial

PGO = replace(TODAY, pgo=Switch.ON)
CHECK = Bench(name="check", command=("{bin}", "check"))
STORED = trial(
    PGO,
    more=[Measurement(name=UNTRAINED_EXECUTED, value=0.1, unit="ratio", method="")],
    trained=TrainedBuild(optimized=Cost(wall=1.0, cpu=1.0), executed=0.9, held_out=(CHECK.command,)),
)


def found(provenance: FakeProvenance, *benches: Bench, untrained: tuple[str, ...] = ()) -> Trial:
    training = Training(commands=(("{bin}", "train"),), untrained=untrained)
    explored = replace(study(STORED), benches=benches, training=training)
    store: Any = SimpleNamespace(find_trials=lambda _: [STORED])
    known = KnownTrials(store=store, study=explored, provenance=provenance).find(PGO)
    assert known
    return known


def test_the_share_of_what_benches_execute_holds_while_they_do() -> None:
    known = found(FakeProvenance(), CHECK)
    assert known.trained
    assert known.trained.executed == 0.9
    assert known.value(UNTRAINED_EXECUTED) == 0.1


@pytest.mark.parametrize(
    ("provenance", "benches", "untrained"),
    [
        (FakeProvenance(), (replace(CHECK, command=("{bin}", "other")),), ()),
        (FakeProvenance(), (CHECK, Bench(name="more", command=("{bin}", "more"))), ()),
        (FakeProvenance(), (CHECK,), ("check",)),
        (FakeProvenance(changed_benches={"check"}), (CHECK,), ()),
    ],
    ids=["another command", "one more bench", "it is untrained now", "its inputs have changed"],
)
def test_and_no_longer(provenance: FakeProvenance, benches: tuple[Bench, ...], untrained: tuple[str, ...]) -> None:
    known = found(provenance, *benches, untrained=untrained)
    assert known.trained
    assert known.trained.executed is None
    assert known.get(UNTRAINED_EXECUTED) is None
    assert known.trained.optimized == Cost(wall=1.0, cpu=1.0)
