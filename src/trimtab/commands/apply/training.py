"""Steps of a release workflow for a trained profile: what ``Cargo.toml`` cannot say."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Iterator

from trimtab.builders.bolt import HINT as BOLT_HINT
from trimtab.builders.profile_data import HINT as PROFDATA_HINT
from trimtab.cargo.toolchain import runs_on
from trimtab.model.plan import Training
from trimtab.model.profile import Switch
from trimtab.model.study import Study
from trimtab.model.trial import Trial
from trimtab.system.command_template import line_of


def workflow_steps(study: Study, trial: Trial, triples: Collection[str], configured: Training) -> Iterator[str]:
    """Sentences with the commands for each release target.

    Args:
        study: the study.
        trial: with a profile that takes training; it gives none otherwise.
        triples: release targets of the project; this machine's own if there are none.
        configured: training that ``trimtab.toml`` has, which need not be said again.
    """
    profile = trial.profile
    if not profile.is_trained:
        return
    asked = [f"{axis.name} {axis.show(axis.get(profile))}" for axis in profile.differing(profile.untrained)]
    yield f"Cargo.toml has no setting for {', '.join(asked)}: the release workflow does it, in place of `cargo build`"
    if profile.pgo is Switch.ON:
        yield f"before it: `{PROFDATA_HINT}`"
    if profile.bolt is Switch.ON:
        yield f"before it: {BOLT_HINT}"
    host = study.toolchain.host
    for triple in triples or (host,):
        command = shlex.join(("trimtab", "pgo", "build", *_arguments(study, trial, configured), "--target", triple))
        if runs_on(triple, host):
            yield f"{triple}: `{command}`"
        else:
            plain = f"cargo build --profile {study.project.profile_name} --target {triple}"
            yield f"{triple}: on a machine that runs it, `{command}`; on others it stays plain, `{plain}`"


def _arguments(study: Study, trial: Trial, configured: Training) -> Iterator[str]:
    selection, profile, training = study.selection, trial.profile, study.training or Training()
    if selection.wheel:
        yield "--wheel"
    else:
        yield from (word for name in study.project.binaries for word in ("--bin", name))
    yield from (word for name in selection.packages for word in ("--package", name))
    if selection.features:
        yield from ("--features", ",".join(selection.features))
    if not selection.default_features:
        yield "--no-default-features"
    if study.project.profile_name != "release":
        yield from ("--profile", study.project.profile_name)
    if training.profile_data:
        yield from ("--profile-data", training.profile_data)
    elif training.commands != configured.commands:
        yield from (word for command in training.commands for word in ("--train", line_of(command)))
    if profile.pgo is Switch.OFF:
        yield "--no-pgo"
    if profile.pgo_hot is not None:
        yield from ("--pgo-hot", str(profile.pgo_hot))
    if profile.bolt is Switch.ON:
        yield "--bolt"
