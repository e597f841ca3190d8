"""Libraries that ship by themselves, and what Cargo does not say of them."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.integration.user import User, by_label

pytestmark = pytest.mark.integration

MANIFEST = """\
[package]
name = "shared"
version = "0.1.0"
edition = "2021"

[lib]
crate-type = [{types}]

[profile.release]
opt-level = 1

[workspace]
"""
SOURCE = """\
#[no_mangle]
pub extern "C" fn longest(words: usize) -> usize {
    let mut all: Vec<String> = (0..words).map(|number| format!("{number:b}")).collect();
    all.sort();
    all.last().map_or(0, |word| word.len())
}
"""


LOADER = """\
#include <dlfcn.h>
#include <stddef.h>
int main(int count, char **words) {
    void *library = dlopen(words[1], RTLD_NOW);
    size_t (*longest)(size_t) = library ? (size_t (*)(size_t))dlsym(library, "longest") : NULL;
    return !longest || longest(1000) != 9;
}
"""
"""Quicker to start, above all when its instructions are counted, than Python."""


def library(folder: Path, types: str) -> Path:
    project = folder / "shared"
    (project / "src").mkdir(parents=True)
    (project / "Cargo.toml").write_text(MANIFEST.format(types=types))
    (project / "Cargo.lock").write_text('version = 3\n\n[[package]]\nname = "shared"\nversion = "0.1.0"\n')
    (project / "src" / "lib.rs").write_text(SOURCE)
    return project


def test_mixed_crate_types_get_no_lto_and_it_is_said(user: User) -> None:
    study = user.explores(library(user.folder, '"cdylib", "rlib"'), "--axis", "lto=local,fat", "--measure", "size")
    fat = by_label(study)["lto fat"]
    (effect,) = fat["effect"]
    assert effect["lto"] == "local", "this is what Cargo drops"
    assert effect["warnings"][0] == "shared: lto was asked as fat but rustc was told local"
    assert "gets no LTO; build it as cdylib alone" in effect["warnings"][1]


@pytest.mark.slow
def test_a_library_to_load_is_explored_like_a_program(user: User) -> None:
    (user.folder / "loader.c").write_text(LOADER)
    subprocess.run(["cc", "-o", "loader", "loader.c", "-ldl"], cwd=user.folder, check=True)
    run = "--bench", f"load={user.folder}/loader {{bin}}"
    study = user.explores(library(user.folder, '"cdylib"'), "--axis", "lto=local,fat", *run, "--bench-time", "100ms")
    today, fat = by_label(study)["today"], by_label(study)["lto fat"]
    assert fat["effect"][0]["lto"] == "fat"
    assert fat["effect"][0]["warnings"] == []
    assert fat["metrics"]["size.stripped"]["value"] < today["metrics"]["size.stripped"]["value"]
    assert fat["metrics"]["run.load.wall"]["value"] > 0
