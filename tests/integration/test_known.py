"""What is known is shown only while it is true: one input is changed at a time, in projects of several shapes.

Each project is explored, explored again untouched, and again after one change. Untouched it is reused whole; after the
change it is measured again, and what a fresh exploration would show is shown.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.integration.user import User

pytestmark = [pytest.mark.integration, pytest.mark.slow]

MANIFEST = """\
[package]
name = "app"
version = "0.1.0"
edition = "2021"
{}
"""
MAIN = 'fn main() {{ print!("{{}}", {}); }}\n'


@dataclass(frozen=True)
class Shape:
    """A project and the one thing in it that is changed."""

    files: dict[str, str]
    change: Callable[[Path], object] = lambda _: None
    variables: dict[str, str] = field(default_factory=dict)
    changed_variables: dict[str, str] = field(default_factory=dict)
    links: dict[str, str] = field(default_factory=dict)
    repositories: tuple[str, ...] = (".",)
    bench: str = ""


def write(path: str, text: str) -> Callable[[Path], object]:
    return lambda root: (root / path).write_text(text)


INCLUDED = MAIN.format('include_str!("../asset.txt")')
MACRO = """\
use proc_macro::TokenStream;
#[proc_macro]
pub fn said(_: TokenStream) -> TokenStream {
    let file = format!("{}/words/a.txt", std::env::var("CARGO_MANIFEST_DIR").unwrap());
    format!("{:?}", std::fs::read_to_string(file).unwrap()).parse().unwrap()
}
"""
SHAPES = {
    "an ignored file that is included": Shape(
        files={"src/main.rs": INCLUDED, "asset.txt": "one", ".gitignore": "asset.txt\ntarget\n"},
        change=write("asset.txt", "another"),
    ),
    "a file above the workspace": Shape(
        files={"src/main.rs": MAIN.format('include_str!("../../shared.txt")'), "../shared.txt": "one"},
        change=write("../shared.txt", "another"),
    ),
    "a variable that the compiler reads": Shape(
        files={"src/main.rs": MAIN.format('option_env!("GREETING").unwrap_or("none")')},
        variables={"GREETING": "hello"},
        changed_variables={"GREETING": "good morning"},
    ),
    "a variable that a build script declares": Shape(
        files={
            "src/main.rs": MAIN.format('env!("SAID")'),
            "build.rs": 'fn main() { println!("cargo:rerun-if-env-changed=GREETING");'
            ' println!("cargo:rustc-env=SAID={}", std::env::var("GREETING").unwrap_or_default()); }\n',
        },
        variables={"GREETING": "hello"},
        changed_variables={"GREETING": "good morning"},
    ),
    "the target of a link": Shape(
        files={"src/main.rs": INCLUDED, "../far.txt": "one"},
        links={"asset.txt": "../far.txt"},
        change=write("../far.txt", "another"),
    ),
    "a path dependency in a repository of its own": Shape(
        files={
            "Cargo.toml": MANIFEST.format('[dependencies]\nwords = { path = "words" }'),
            "src/main.rs": MAIN.format("words::said()"),
            "words/Cargo.toml": '[package]\nname = "words"\nversion = "0.1.0"\nedition = "2021"\n',
            "words/src/lib.rs": 'pub fn said() -> &\'static str { "one" }\n',
        },
        repositories=(".", "words"),
        change=write("words/src/lib.rs", 'pub fn said() -> &\'static str { "another" }\n'),
    ),
    "a path dependency in an ignored folder": Shape(
        files={
            "Cargo.toml": MANIFEST.format('[dependencies]\nwords = { path = "vendor/words" }'),
            "src/main.rs": MAIN.format("words::said()"),
            "vendor/words/Cargo.toml": '[package]\nname = "words"\nversion = "0.1.0"\nedition = "2021"\n[workspace]\n',
            "vendor/words/src/lib.rs": 'pub fn said() -> &\'static str { "one" }\n',
            ".gitignore": "vendor\ntarget\n",
        },
        change=write("vendor/words/src/lib.rs", 'pub fn said() -> &\'static str { "another" }\n'),
    ),
    "an ignored file that a build script reads without a word": Shape(
        files={
            "src/main.rs": MAIN.format('include_str!(concat!(env!("OUT_DIR"), "/made.txt"))'),
            "build.rs": 'fn main() { let out = std::env::var("OUT_DIR").unwrap();'
            ' std::fs::copy("template.txt", format!("{out}/made.txt")).unwrap(); }\n',
            "template.txt": "one",
            ".gitignore": "template.txt\ntarget\n",
        },
        change=write("template.txt", "another"),
    ),
    "an ignored folder that a procedural macro reads": Shape(
        files={
            "Cargo.toml": MANIFEST.format('[dependencies]\nmagic = { path = "magic" }'),
            "src/main.rs": MAIN.format("magic::said!()"),
            "magic/Cargo.toml": MANIFEST.format("[lib]\nproc-macro = true").replace("app", "magic"),
            "magic/src/lib.rs": MACRO,
            "words/a.txt": "one",
            ".gitignore": "words\ntarget\n",
        },
        change=write("words/a.txt", "another"),
    ),
    "the input of a bench": Shape(
        files={
            "src/main.rs": MAIN.format("std::env::args().count()"),
            "corpus.txt": "one",
            ".gitignore": "corpus.txt\n",
        },
        bench="read={bin} corpus.txt",
        change=write("corpus.txt", "another"),
    ),
}


def make(shape: Shape, root: Path) -> None:
    texts = {"Cargo.toml": MANIFEST.format(""), ".gitignore": "target\n", **shape.files}
    for name, text in texts.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    for name, to in shape.links.items():
        (root / name).symlink_to(to)
    subprocess.run(["cargo", "generate-lockfile", "--offline"], cwd=root, check=True, capture_output=True)
    for repository in shape.repositories:
        for argv in (["init", "-q"], ["add", "."], ["commit", "-qm", "all"]):
            settings = ["-c", "user.name=ann", "-c", "user.email=ann@example.org"]
            subprocess.run(["git", *settings, *argv], cwd=root / repository, check=True, capture_output=True)


@pytest.mark.parametrize("name", SHAPES)
def test_a_change_is_seen_and_what_is_untouched_is_reused(name: str, user: User) -> None:
    shape, root = SHAPES[name], user.folder / "deep" / "app"
    make(shape, root)
    arguments = ["--axis", "lto=off", "--measure", "size,run", *(["--bench", shape.bench] if shape.bench else [])]

    def explore(**variables: str) -> list[dict[str, object]]:
        found: list[dict[str, object]] = user.explores(*arguments, cwd=root, **{**shape.variables, **variables})[
            "trials"
        ]
        return found

    first = explore()
    count = len(user.builds())
    assert explore() == first
    assert len(user.builds()) == count  # untouched: nothing is built
    shape.change(root)
    after = explore(**shape.changed_variables)
    if shape.bench:
        assert len(user.builds()) == count
        assert [trial["metrics"] for trial in after] != [trial["metrics"] for trial in first]
    else:
        assert len(user.builds()) == 2 * count  # both profiles, today's too: one table never shows two programs
        assert explore(**shape.changed_variables) == after
        assert len(user.builds()) == 2 * count


def test_another_checkout_builds_nothing_unless_its_path_is_in_the_program(user: User) -> None:
    shape = SHAPES["an ignored file that is included"]
    for name, main in (("plain", INCLUDED), ("carrying", MAIN.format('env!("CARGO_MANIFEST_DIR")'))):
        here, there = user.folder / name / "here" / "app", user.folder / name / "else" / "app"
        make(Shape(files={**shape.files, "src/main.rs": main}), here)
        there.parent.mkdir()
        shutil.copytree(here, there, symlinks=True)
        arguments = ["--axis", "lto=off", "--measure", "size"]
        user.explores(*arguments, cwd=here)
        count = len(user.builds())
        user.explores(*arguments, cwd=there)
        built = len(user.builds()) - count
        assert built == (0 if name == "plain" else 2), name
        os.utime(there / "src" / "main.rs")
        user.explores(*arguments, cwd=there)
        assert len(user.builds()) - count == built
