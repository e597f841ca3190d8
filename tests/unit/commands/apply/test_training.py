"""Steps of a release workflow for a trained profile."""

from __future__ import annotations

import shlex
from dataclasses import replace

import pytest

from tests.fakes.values import FAT, TODAY, study, trial
from trimtab.cli.pgo import build
from trimtab.commands.apply.training import workflow_steps
from trimtab.model.plan import Training
from trimtab.model.profile import Profile, Switch
from trimtab.model.study import Study

TRAINING = Training(commands=(("{bin}", "check", "a b"),))
PGO = replace(FAT, pgo=Switch.ON)
BOTH = replace(PGO, bolt=Switch.ON, pgo_hot=900_000)


def trained(profile: Profile, training: Training = TRAINING) -> Study:
    return replace(study(trial(TODAY), trial(profile)), training=training)


def commands(found: Study, profile: Profile, *triples: str, configured: Training = TRAINING) -> list[list[str]]:
    """The commands of `trimtab pgo build` in the steps."""
    steps = workflow_steps(found, trial(profile), triples, configured)
    lines = [step.split("`")[1] for step in steps if "trimtab pgo build" in step]
    return [shlex.split(line) for line in lines]


def test_a_plain_profile_takes_none() -> None:
    assert list(workflow_steps(trained(FAT), trial(FAT), (), TRAINING)) == []


def test_what_is_missing_is_installed_first() -> None:
    steps = list(workflow_steps(trained(BOTH), trial(BOTH), (), TRAINING))
    assert steps[0].startswith("Cargo.toml has no setting for pgo on, pgo-hot 900000, bolt on:")
    assert steps[1:3] == [
        "before it: `rustup component add llvm-tools`",
        "before it: install LLVM's BOLT (Debian: apt-get install bolt-19)",
    ]


def test_each_target_has_its_command_and_what_does_not_run_here_stays_plain() -> None:
    steps = list(workflow_steps(trained(PGO), trial(PGO), ("x86_64-unknown-linux-musl", "wasm32-wasip1"), TRAINING))
    own, other = steps[-2:]
    assert own == "x86_64-unknown-linux-musl: `trimtab pgo build --bin sounding --target x86_64-unknown-linux-musl`"
    assert other.startswith("wasm32-wasip1: on a machine that runs it, `trimtab pgo build ")
    assert other.endswith("on others it stays plain, `cargo build --profile release --target wasm32-wasip1`")


@pytest.mark.parametrize(
    ("profile", "training", "said"),
    [
        (PGO, TRAINING, []),
        (PGO, Training(commands=(("{bin}", "a b"),)), ["--train", "{bin} 'a b'"]),
        (PGO, Training(profile_data="/home/ann/x.profdata"), ["--profile-data", "/home/ann/x.profdata"]),
        (BOTH, TRAINING, ["--pgo-hot", "900000", "--bolt"]),
        (replace(FAT, bolt=Switch.ON), TRAINING, ["--no-pgo", "--bolt"]),
    ],
)
def test_the_command_says_what_trimtab_toml_does_not(profile: Profile, training: Training, said: list[str]) -> None:
    host = "x86_64-unknown-linux-gnu"
    (words,) = commands(trained(profile, training), profile, host)
    assert words == ["trimtab", "pgo", "build", "--bin", "sounding", *said, "--target", host]


def test_every_option_is_one_of_the_command() -> None:
    base = trained(BOTH, Training(commands=(("{bin}", "x"),)))
    selection = replace(base.selection, packages=("a",), features=("f", "g"), default_features=False)
    full = replace(base, selection=selection, project=replace(base.project, profile_name="dist"))
    (words,) = commands(full, BOTH)
    known = {name for parameter in build.params for name in (*parameter.opts, *parameter.secondary_opts)}
    assert {word for word in words if word.startswith("--")} <= known
    assert words[words.index("--features") + 1] == "f,g"
