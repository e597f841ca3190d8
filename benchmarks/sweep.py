"""What a sweep over profiles costs with shared units, against clean builds and the floor; and whether it is right.

Every profile is built twice, one right after the other: with plain ``cargo build`` in an empty target directory, and
with the units of the profiles before it. Counted is the CPU time of all processes, this one included.

- *naive* is the sum of the plain builds;
- *floor* is the distinct work of rustc, by what Cargo tells it rather than by what was shared: the CPU time of one call
  of each kind. Calls of a kind differ at most in metadata, file names and folders; in ``strip``, which works on
  programs only, and on these by linking alone; and, where ``off`` (or local, if more profiles have that) is tried
  beside thin or fat, libraries in the words that embed mode merges. What runs in each build is not in it, but told
  beside it (*around*): Cargo, build scripts, and starts of the wrapper for units that are there already;
- *agreement*: bytes of each shared program against the plain one; what both print for a command; and, for ``--cold`` of
  the profiles, whether a build with an empty cache gives the same bytes as the sweep did.

With several values of ``strip`` as an axis, plain builds are made for each of them too.

    python benchmarks/sweep.py crate:ripgrep --axis lto=off,thin,fat --axis codegen-units=16,1 \\
        --axis opt-level=3,s,z --run '{bin} --files' [--cold 2] [--json FILE]
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import resource
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from trimtab.builders.rustc_wrapper.compiler import UnitSharing
from trimtab.builders.rustc_wrapper.unit_cache import UnitCache
from trimtab.cargo.environment import building
from trimtab.cargo.profiles.arguments import profile_arguments, selection_arguments
from trimtab.cargo.profiles.rustflags import adding
from trimtab.choice.table import label
from trimtab.experiment.exploration import Exploration
from trimtab.experiment.prepare import prepare
from trimtab.experiment.request import Request
from trimtab.model.profile import Lto, Profile
from trimtab.model.space import parse_axis
from trimtab.model.trace import Unit, UnitKind
from trimtab.model.trial import Built
from trimtab.system.paths import Folders, clear

_NAMES = ("metadata=", "extra-filename=", "strip=", "dependency=")
_MERGED = ("lto", "embed-bitcode", "linker-plugin-lto")
_ALIKE = {Lto.OFF: ["lto=off", "embed-bitcode=no"], Lto.LOCAL: ["embed-bitcode=no"]}
"""What Cargo says for libraries that embed mode makes once for these and for thin and fat."""


def cpu_seconds() -> float:
    """User and system seconds of this process and of all that it has waited for."""
    own, children = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime


class Sweep:
    """One project under all profiles of a space."""

    def __init__(self, exploration: Exploration, folder: Path, command: Sequence[str]) -> None:
        self._exploration, self._folder, self._command = exploration, folder, command
        self._cache = folder / "cache"
        self._sharing = self._fresh()
        self._known: set[tuple[str, ...]] = set()

    def _fresh(self) -> UnitSharing:
        return replace(self._exploration.sharing(), entries=UnitCache(self._cache, 1 << 40), packages={})

    def _cold(self, profile: Profile) -> dict[str, Any]:
        """Build with an empty cache at the same place, since programs may hold paths of what build scripts wrote."""
        warm = self._cache.rename(self._folder / "warm")
        found = self._shared(profile, self._fresh())
        clear(self._cache)
        warm.rename(self._cache)
        return found

    def rows(self, cold: int) -> Iterator[dict[str, Any]]:
        """Each profile, built both ways."""
        profiles = self._exploration.profiles
        chosen = {profiles[len(profiles) * at // cold] for at in range(cold)} if cold else set()
        for profile in profiles:
            name = label(profile, self._exploration.today.profile)
            plain = self._plain(profile)
            shared = self._shared(profile, self._sharing)
            row = {
                "profile": name,
                "plain": plain,
                "shared": shared,
                "size_change": shared["bytes"] / plain["bytes"] - 1,
                "same_output": shared["output"] == plain["output"],
            }
            if profile in chosen:
                row["cold_is_identical"] = self._cold(profile)["sha256"] == shared["sha256"]
            print(json.dumps(row), file=sys.stderr, flush=True)
            yield row

    def _plain(self, profile: Profile) -> dict[str, Any]:
        exploration, target = self._exploration, self._folder / "plain"
        clear(target)
        arguments = (
            *selection_arguments(exploration.plan.selection, exploration.binaries),
            *profile_arguments(profile, exploration.today.profile, exploration.plan.selection.profile),
        )
        surroundings = {
            **building(exploration.environment, target),
            **adding(profile.rustflags, exploration.rustflags),
        }
        before, begun = cpu_seconds(), time.monotonic()
        subprocess.run(
            ["cargo", "build", "--quiet", "--frozen", *arguments],
            cwd=exploration.project.root,
            env=surroundings,
            check=True,
        )
        cost = {"cpu": cpu_seconds() - before, "wall": time.monotonic() - begun}
        found = self._looked_at(target / exploration.plan.selection.profile / exploration.binaries[0].name)
        clear(target)
        return {**cost, **found}

    def _shared(self, profile: Profile, sharing: UnitSharing) -> dict[str, Any]:
        builder = self._exploration.sharing_builder(self._folder, self._folder / "kept", sharing)
        before, begun = cpu_seconds(), time.monotonic()
        built = builder.build(profile, touch=False)
        cost = {"cpu": cpu_seconds() - before, "wall": time.monotonic() - begun}
        assert isinstance(built, Built), built
        assert built.trace
        runs = [unit for unit in built.trace.units if unit.kind is UnitKind.RUN]
        compiled = [unit for unit in built.trace.units if unit.kind is not UnitKind.RUN]
        kinds = {_kind_of_call(unit, sharing.basis.embeds): unit for unit in compiled}
        distinct = {kind: unit for kind, unit in kinds.items() if kind not in self._known}
        self._known |= distinct.keys()
        return {
            **cost,
            "units": len(compiled),
            "new_units": sum(not unit.reused for unit in compiled),
            "distinct_units": len(distinct),
            "distinct_cpu": sum(unit.cost.cpu for unit in distinct.values()),
            "around_cpu": built.trace.cargo_cpu + sum(run.cost.cpu for run in runs),
            **self._looked_at(Path(built.artifacts[0].path)),
        }

    def _looked_at(self, program: Path) -> dict[str, Any]:
        content = program.read_bytes()
        words = [word.replace("{bin}", str(program)) for word in self._command]
        output = subprocess.run(words, capture_output=True, check=False, cwd=self._exploration.project.root)
        said = hashlib.sha256(output.stdout).hexdigest() + str(output.returncode) + str(len(output.stdout))
        return {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest(), "output": said}


def _kind_of_call(unit: Unit, merged: Lto | None) -> tuple[str, ...]:
    """What a call of rustc is told, without what Cargo names anew under each profile and what makes no difference."""
    words = re.sub(r"(?<=-)[0-9a-f]{16}\b", "", "\n".join(unit.arguments)).split("\n")
    said = [word for word in words if word.startswith(_MERGED)]
    is_merged = merged and unit.kind is UnitKind.LIBRARY and said in (_ALIKE[merged], ["linker-plugin-lto"])
    left_out = (*_NAMES, *(_MERGED if is_merged else ()))
    pairs = zip(("", *words), words, strict=False)
    kept = (word for before, word in pairs if before != "--out-dir" and word != "-C" and not word.startswith(left_out))
    return (unit.name, *kept)


def summed_up(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The sums, and how they compare."""
    naive = sum(row["plain"]["cpu"] for row in rows)
    shared = sum(row["shared"]["cpu"] for row in rows)
    floor = sum(row["shared"]["distinct_cpu"] for row in rows)
    around = sum(row["shared"]["around_cpu"] for row in rows)
    return {
        "builds": len(rows),
        "units": rows[0]["shared"]["units"],
        "naive_cpu": naive,
        "shared_cpu": shared,
        "floor_cpu": floor,
        "around_cpu": around,
        "times_less_than_naive": naive / shared,
        "above_floor": shared / floor - 1,
        "naive_wall": sum(row["plain"]["wall"] for row in rows),
        "shared_wall": sum(row["shared"]["wall"] for row in rows),
        "largest_size_change": max(abs(row["size_change"]) for row in rows),
        "same_output": all(row["same_output"] for row in rows),
        "cold_builds_identical": [row["cold_is_identical"] for row in rows if "cold_is_identical" in row],
    }


def main() -> None:
    """Run the sweep and print what it comes to."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("path", nargs="?", default="crate:ripgrep")
    parser.add_argument("--axis", action="append", default=[], metavar="NAME=V,V…")
    parser.add_argument("--features", default="")
    parser.add_argument("--no-default-features", action="store_true")
    parser.add_argument("--run", default="{bin} --version", help="a command whose output must be the same")
    parser.add_argument("--cold", type=int, default=0, help="profiles to build again with an empty cache")
    parser.add_argument("--json", metavar="FILE")
    options = parser.parse_args()
    request = Request(
        path=options.path,
        axes=tuple(map(parse_axis, options.axis)),
        features=tuple(filter(None, options.features.split(","))),
        default_features=not options.no_default_features,
    )
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        exploration = prepare(request, Folders(store=folder / "db", cache=folder / "home"))
        sweep = Sweep(exploration, folder, shlex.split(options.run))
        rows = list(sweep.rows(options.cold))
    found = summed_up(rows)
    if options.json:
        document = {
            "project": exploration.study.project.name,
            "toolchain": asdict(exploration.study.toolchain),
            "machine": asdict(exploration.study.machine),
            **found,
            "rows": rows,
        }
        Path(options.json).write_text(json.dumps(document, indent=2) + "\n")
    for name, value in found.items():
        print(f"{name:>24}  {value:.4g}" if isinstance(value, float) else f"{name:>24}  {value}")


if __name__ == "__main__":
    main()
