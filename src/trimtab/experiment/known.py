"""Known trials: what of the stored results still holds for a study."""

from __future__ import annotations

from dataclasses import dataclass, replace

from trimtab.experiment.provenance import Provenance
from trimtab.model.metric import RUN_PREFIX, UNTRAINED_EXECUTED
from trimtab.model.plan import ProbeKind
from trimtab.model.profile import Profile
from trimtab.model.study import Study
from trimtab.model.trial import Status, Trial
from trimtab.store.protocol import Store


@dataclass(frozen=True, kw_only=True, slots=True)
class KnownTrials:
    """Looks up trials of a study in the store, in whichever study they were tried."""

    store: Store
    study: Study
    provenance: Provenance

    def find(self, profile: Profile) -> Trial | None:
        """Find the newest record of a profile's trial that holds, if there is one.

        Sizes and effects hold on every machine. Times hold where the machine is of the same class: a record with such
        times is preferred, and those of another class are taken out.
        """
        records = self.store.find_trials(self.study.trial_id(profile))
        holding = [
            record
            for record in records
            if not (self.study.fresh and record.started < self.study.created) and self._holds(record)
        ]
        holding = [self._with_own_benches(record) for record in holding]
        timed = next((record for record in holding if _is_timed_alike(record, self.study)), None)
        if timed or not holding:
            return timed
        return _without_foreign_times(holding[0], self.study)

    def _with_own_benches(self, record: Trial) -> Trial:
        """The trial without the share that training ran of what benches execute, where these are others by now."""
        trained = record.trained
        if trained is None or trained.executed is None:
            return record
        before = {inputs.bench: inputs for inputs in record.bench_inputs}
        benches = [bench for bench in self.study.benches if bench.command in trained.held_out]
        if trained.held_out == self.study.held_out and all(
            self.provenance.holds_for(bench, before.get(bench.name)) for bench in benches
        ):
            return record
        measured = tuple(one for one in record.measurements if one.name != UNTRAINED_EXECUTED)
        return replace(record, trained=replace(trained, executed=None, held_out=()), measurements=measured)

    def _holds(self, record: Trial) -> bool:
        """Whether a record holds; one that ran out of time or memory says so of machines of its class only."""
        exhausted = record.status in (Status.TIMEOUT, Status.OOM)
        return not (exhausted and not _is_timed_alike(record, self.study)) and self.provenance.holds(record)


def _is_timed_alike(trial: Trial, study: Study) -> bool:
    return trial.timing is not None and trial.timing.holds_for_builds(study.timing)


def _without_foreign_times(trial: Trial, study: Study) -> Trial:
    """The trial without times that may not stand beside those of the study."""
    runs_hold = trial.timing is not None and trial.timing.holds_for_runs(study.timing)
    prefixes = ("build.",) if runs_hold else ("build.", RUN_PREFIX)
    kinds = {ProbeKind.BUILD, ProbeKind.TOUCH} | (set() if runs_hold else {ProbeKind.RUN})
    return replace(
        trial,
        measurements=tuple(result for result in trial.measurements if not result.name.startswith(prefixes)),
        absent=tuple(result for result in trial.absent if not result.name.startswith(prefixes)),
        probes=tuple(kind for kind in trial.probes if kind not in kinds),
        benches=trial.benches if runs_hold else (),
        bench_inputs=trial.bench_inputs if runs_hold else (),
        timing=replace(study.timing, machine=trial.timing.machine) if runs_hold and trial.timing else None,
    )
