"""Benches that run what training ran are refused; the identity of training follows what it reads."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trimtab.errors import InputError
from trimtab.experiment.held_out import require_held_out, training_identity
from trimtab.model.identity import build_identity
from trimtab.model.plan import Bench, Training
from trimtab.model.profile import Profile, Switch

TRAINING = Training(commands=(("{bin}", "check", "train/"),))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text in {"train/a": "first", "train/b": "second", "held/c": "third", "settings": "x = 1"}.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def bench(*command: str, **more: object) -> Bench:
    return Bench(name="check", command=command, **more)  # type: ignore[arg-type]


def refused(folder: Path, one: Bench, training: Training = TRAINING) -> str:
    with pytest.raises(InputError) as error:
        require_held_out([one], training, folder, ())
    assert "trained = true" in error.value.hint
    require_held_out([replace(one, trained=True)], training, folder, ())
    return error.value.what


def test_other_data_is_held_out(folder: Path) -> None:
    require_held_out([bench("{bin}", "check", "held/")], TRAINING, folder, ())


def test_the_same_command(folder: Path) -> None:
    what = refused(folder, bench("{bin}", "go"), Training(commands=(("{bin}", "go"),)))
    assert what == "the bench 'check' is a training command: {bin} go"


@pytest.mark.parametrize(
    "one",
    [
        bench("{bin}", "format", "train/b"),
        bench("{bin}", "format", "--file=train/b"),
        bench("sh", "-c", "cat train/b | {bin}"),
        bench("{bin}", stdin="train/b"),
        bench("{bin}", inputs=("tr*/b",)),
        bench("{bin}", "copied"),
        bench("{bin}", "all"),
    ],
    ids=["named", "in a word", "in a line", "stdin", "declared", "a copy", "in a folder of more"],
)
def test_an_input_of_training_by_whatever_name(folder: Path, one: Bench) -> None:
    (folder / "copied").write_text("second")
    (folder / "all").mkdir()
    (folder / "all" / "more").write_text("fourth")
    (folder / "all" / "link").symlink_to(folder / "train" / "b")
    assert "which training reads too" in refused(folder, one)


def test_declared_inputs_of_training_count(folder: Path) -> None:
    training = Training(commands=(("{bin}", "go"),), inputs=("held/*",))
    assert "reads held/c" in refused(folder, bench("{bin}", "check", "held/"), training)


def test_settings_may_be_shared_if_that_is_said(folder: Path) -> None:
    one = bench("{bin}", "--config", "settings", "held/")
    training = Training(commands=(("{bin}", "--config", "settings", "train/"),))
    assert "reads settings" in refused(folder, one, training)
    require_held_out([one], replace(training, shared_inputs=("settings",)), folder, ())


def test_empty_files_are_nothing_to_train_with(folder: Path) -> None:
    for name in ("train/empty", "held/empty"):
        (folder / name).touch()
    require_held_out([bench("{bin}", "check", "held/")], TRAINING, folder, ())


def test_the_identity_follows_what_training_does_and_reads(folder: Path) -> None:
    first = training_identity(TRAINING, folder, ())
    others = (
        replace(TRAINING, commands=(("{bin}", "format", "train/"),)),
        replace(TRAINING, repetitions=2),
        replace(TRAINING, environment=(("THREADS", "1"),)),
        replace(TRAINING, inputs=("settings",)),
    )
    assert len({first, *(training_identity(other, folder, ()) for other in others)}) == 5
    assert training_identity(replace(TRAINING, untrained=("check",)), folder, ()) == first
    (folder / "train" / "b").write_text("changed")
    assert training_identity(TRAINING, folder, ()) != first


@given(st.text(), st.sampled_from([Profile(), Profile(pgo=Switch.ON), Profile(bolt=Switch.ON)]))
def test_training_is_part_of_the_build_of_trained_profiles_alone(training: str, profile: Profile) -> None:
    same = build_identity("basis", profile, training) == build_identity("basis", profile, training + "x")
    assert same is not profile.is_trained
