"""Benches that run what training ran are refused; the identity of training follows what it reads."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trimtab.cargo.project import Binary
from trimtab.errors import InputError
from trimtab.experiment.held_out import require_held_out, require_trainable, require_untrained, training_identity
from trimtab.model.identity import build_identity
from trimtab.model.plan import Bench, Plan, Selection, Training
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
    assert training_identity(TRAINING, folder, (), "BOLT 20") != training_identity(TRAINING, folder, (), "BOLT 19")
    (folder / "train" / "b").rename(folder / "train" / "b.rs")
    renamed = training_identity(TRAINING, folder, ())
    (folder / "train" / "b.rs").write_text("changed")
    assert len({first, renamed, training_identity(TRAINING, folder, ())}) == 3


def test_profile_data_that_is_not_there_has_no_identity(folder: Path) -> None:
    data = [str(folder / name) for name in ("held/c", "settings", "nowhere")]
    first, second = (training_identity(Training(profile_data=path), folder, ()) for path in data[:2])
    assert first != second
    with pytest.raises(InputError, match="there is no profile data in this file"):
        training_identity(Training(profile_data=data[2]), folder, ())


def test_training_shown_as_benches_is_run_as_it_trains() -> None:
    training = replace(TRAINING, environment=(("THREADS", "1"),), inputs=("settings",))
    (one,) = training.benches
    assert (one.command, one.environment, one.inputs) == (TRAINING.commands[0], training.environment, training.inputs)
    assert not one.is_judged


HOST, FOREIGN = "x86_64-unknown-linux-gnu", "aarch64-apple-darwin"
PGO, BOLT = Profile(pgo=Switch.ON), Profile(bolt=Switch.ON)
GIVEN = Training(commands=TRAINING.commands, profile_data="/home/ann/x.profdata")


def program(name: str = "app", *, is_library: bool = False) -> Binary:
    return Binary(package="app", name=name, source=Path("src/main.rs"), is_library=is_library)


def trainable(profile: Profile, training: Training, target: str, *binaries: Binary) -> None:
    plan = Plan(selection=Selection(), training=training)
    require_trainable([profile], plan, target, HOST, binaries or (program(),), Path())


@pytest.mark.parametrize(
    ("profile", "training", "target", "binaries", "why"),
    [
        (PGO, Training(), HOST, (), "no training commands"),
        (BOLT, replace(GIVEN, commands=()), HOST, (), "no training commands"),
        (PGO, TRAINING, FOREIGN, (), "cannot be trained on"),
        (BOLT, GIVEN, FOREIGN, (), "cannot be trained on"),
        (PGO, TRAINING, HOST, (program(is_library=True),), "a library is not run by itself"),
        (PGO, TRAINING, HOST, (program("one"), program("two")), "training runs one program, and there are one, two"),
    ],
)
def test_what_cannot_be_trained(
    profile: Profile, training: Training, target: str, binaries: tuple[Binary, ...], why: str
) -> None:
    with pytest.raises(InputError, match=why):
        trainable(profile, training, target, *binaries)


@pytest.mark.parametrize(
    ("target", "binaries"), [(FOREIGN, ()), (HOST, (program(is_library=True),)), (HOST, (program("a"), program("b")))]
)
def test_given_profile_data_takes_no_runs(target: str, binaries: tuple[Binary, ...]) -> None:
    trainable(PGO, GIVEN, target, *binaries)
    trainable(PGO, replace(GIVEN, commands=()), target, *binaries)


def test_what_looks_at_single_builds_refuses_training() -> None:
    require_untrained([Profile()], "forecasts")
    for profile in (PGO, BOLT):
        with pytest.raises(InputError, match="forecasts are of plain builds"):
            require_untrained([Profile(), profile], "forecasts")


@given(st.text(), st.sampled_from([Profile(), Profile(pgo=Switch.ON), Profile(bolt=Switch.ON)]))
def test_training_is_part_of_the_build_of_trained_profiles_alone(training: str, profile: Profile) -> None:
    same = build_identity("basis", profile, training) == build_identity("basis", profile, training + "x")
    assert same is not profile.is_trained
