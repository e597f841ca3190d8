"""The commented ``trimtab.toml`` that `init` writes."""

from __future__ import annotations

import json
from collections.abc import Sequence

from trimtab.model.profile import Profile

_TEXT = """\
# Settings of trimtab. Every key is optional; options on the command line win.

[project]
{bin}
# package = "name"                  # only this package's binaries
# features = ["a", "b"]
# profile = "release"               # the profile that ships
# touch = "src/lib.rs"              # the file whose edit is played; the binary's own root file if left out
# target = "x86_64-unknown-linux-gnu"   # what is measured, where Cargo is configured to build for several
# targets = ["x86_64-pc-windows-gnu"]   # release targets, in the place of those that workflows and settings name
{wheel}                      # the wheel of pyproject.toml is what ships
# python = "python3.12"             # the interpreter that wheels are for
# smoke = "import mine; mine.check()"   # must work with the wheel installed; with it, {{python}} may stand in benches

[space]
# Today's release profile: {today}
# Values to try on each axis; every other axis stays as it is today. Without any, a sensible space is explored.
# lto = ["off", "local", "thin", "fat"]      # "local" is Cargo's false, "fat" is Cargo's true
# codegen-units = [16, 1]
# opt-level = [3, "s", "z"]
# panic = ["unwind", "abort"]                # abort changes what a panic does: only if you mean it
# strip = ["none", "debuginfo", "symbols"]
# debug = ["none", "line-tables-only", "limited", "full"]
# rustflags = ["none", "-C target-cpu=native"]
# pgo = ["off", "on"]                        # profile-guided optimization; [pgo] says how it is trained
# pgo-hot = ["default", 900000]              # how much of what was counted is hot code, in millionths
# bolt = ["off", "on"]                       # the linked program laid out anew, by another training run
goal = "balanced"                   # size, speed, balanced or build

# Without a bench the recommendation cannot judge runtime: name a command that does your program's typical work for
# 0.05 to 5 seconds. {{bin}} stands for the binary; it is run in this folder, without a shell
# and with empty standard input.
# [[bench]]
# name = "check"
# command = {bench}
# smallest-change = "1%"            # smaller changes in runtime do not matter
# inputs = ["corpus/**/*.py"]       # what it reads beside the files that the command names: run again when that changes

# What must behave the same under another profile: `trimtab parity release dist` runs both programs over these inputs.
# [[parity]]
# name = "check"
# command = ["{{bin}}", "check", "{{input}}"]
# inputs = "corpus/**/*.py"         # files; or projects = "folder", or fetch = ["pypi:NAME==1.0", "crate:NAME@1.0"]
# files = ["tool.toml"]             # lie beside every input
# ignore = [".cache/*"]             # written files that are not compared
# normalise = ["paths", "times"]    # what may differ: paths, times, hashes, order
# timeout = "60s"                   # of one run
# most-written = "256M"             # what one run may print and write

[limits]                            # what a recommended profile may cost, beside the goal's own limits
# build = "2x"                      # CPU time of a clean build, of today's
# touch = "3x"                      # touch-and-rebuild time
# size = "+5%"                      # stripped size

[economics]                         # build minutes against bytes downloaded, in a month's terms
# builds-per-month = 400
# downloads-per-month = 50000
# minute-price = 0.008              # of a minute of building, in any currency

# How a program is trained for pgo and bolt. No bench may read what training reads, or it measures its own memory.
[pgo]
# train = [["{{bin}}", "check", "other/input"]]
# inputs = ["training/**/*.py"]     # what it reads beside the files that the commands name
# environment = {{ LANG = "C" }}
# repetitions = 1
# shared-inputs = ["tool.toml"]     # files that benches may read as well: settings rather than data
# untrained = ["check"]             # benches that use what training never touches

[measure]
# probes = ["size", "build", "touch", "run"]
# jobs = 2
# timeout = "1h"                    # of one build (none), or of one run of a bench
# bench-time = "4s"                 # for each bench of each trial
# budget = "20m"                    # of the whole exploration
"""


def config_file(binaries: Sequence[str], today: Profile, *, ships_wheel: bool = False) -> str:
    """The text for a project with these programs and this profile of today, or for one whose wheel ships."""
    listed = ", ".join(map(json.dumps, binaries))
    several = f"# bin = [{listed}]   # choose what ships; the first is {{bin}}"
    chosen = f"bin = {listed}" if len(binaries) == 1 else several
    if ships_wheel or not binaries:
        chosen = '# bin = "name"                      # the program that {bin} stands for'
    bench = ["{python}", "-c", "import mine; mine.work()"] if ships_wheel else ["{bin}", "check", "some/input"]
    shown = ", ".join(f"{name} = {value}" for name, value in today.spelled().items() if value != "")
    wheel = "wheel = true  " if ships_wheel else "# wheel = true"
    return _TEXT.format(bin=chosen, today=shown, wheel=wheel, bench=json.dumps(bench))
