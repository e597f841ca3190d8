"""Which profile ships: facts of well-known projects' own files, typed anew and shortened, and each rule by itself."""

from __future__ import annotations

import json
from collections.abc import Collection
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trimtab.release.shipped_profiles import other_profile_notes, shipped_in, shipped_profiles

RELEASE = ".github/workflows/release.yml"
OWN = ("release", "dist", "small")
UPLOAD = "      - uses: actions/upload-artifact@v4\n        with: {name: tool, path: target}\n"
TAGS = "on: {push: {tags: ['v*']}}\n"
MANIFEST = '[package]\nname = "tool"\nversion = "0.1.0"\n[profile.dist]\ninherits = "release"\nlto = "fat"\n'


def shipped(text: str, own: Collection[str] = OWN, file: str = RELEASE) -> list[tuple[str, int]]:
    """Profiles with the lines on which one file names them."""
    return [(one.profile, one.place.line) for one in shipped_in({file: text}, own)]


def names(text: str, own: Collection[str] = OWN) -> list[str]:
    return [profile for profile, _ in shipped(text, own)]


def workflow(steps: str, *, on: str = TAGS, job: str = "", end: str = UPLOAD) -> str:
    """A workflow of one job that runs steps and then, unless told otherwise, uploads what it has."""
    return f"{on}jobs:\n  build:\n    runs-on: ubuntu-latest\n{job}    steps:\n{steps}{end}"


def script(*lines: str, **rest: str) -> str:
    """The same with one step that runs a script, whose first line is the seventh of the file."""
    written = "".join(f"          {line}\n" for line in lines)
    return workflow(f"      - run: |\n{written}", **rest)


class TestWellKnownProjects:
    def test_ripgrep(self) -> None:
        """The program is a variable that changes on the way; packages for Debian have a profile of their own."""
        text = """\
name: release
on: {push: {tags: ["[0-9]+.[0-9]+.[0-9]+"]}}
jobs:
  build-release:
    runs-on: ubuntu-latest
    env: {CARGO: cargo, TARGET_FLAGS: }
    steps:
      - name: Use Cross
        run: |
          echo "CARGO=cross" >> $GITHUB_ENV
          echo "TARGET_FLAGS=--target ${{ matrix.target }}" >> $GITHUB_ENV
      - name: Build release binary
        run: |
          ${{ env.CARGO }} build --verbose --profile release-lto --features pcre2 ${{ env.TARGET_FLAGS }}
      - run: gh release upload "$VERSION" ${{ env.ASSET }}
  build-release-deb:
    runs-on: ubuntu-latest
    steps:
      - run: |
          cargo install cargo-deb
          cargo build --target $TARGET
          cargo deb --profile deb --target $TARGET
      - run: gh release upload "$VERSION" *.deb
"""
        own = ("release", "release-lto", "deb")
        assert shipped(text, own) == [("release-lto", 14), ("deb", 22)]

    def test_helix(self) -> None:
        """It runs for some pull requests too, and hands archives to a job that publishes them."""
        text = """\
name: Release
on:
  push: {tags: ['[0-9]+.[0-9]+']}
  pull_request: {paths: ['.github/workflows/release.yml']}
jobs:
  dist:
    env: {CARGO: cargo}
    strategy:
      matrix:
        include:
          - {build: x86_64-linux, os: ubuntu-22.04, target: x86_64-unknown-linux-gnu}
          - {build: x86_64-windows, os: windows-latest, target: x86_64-pc-windows-msvc}
    steps:
      - if: "!matrix.skip_tests"
        run: cargo test --release --locked --target ${{ matrix.target }} --workspace
      - run: cargo build --profile opt --locked --target ${{ matrix.target }}
      - uses: actions/upload-artifact@v4
"""
        assert shipped(text, ("release", "opt")) == [("opt", 16)]

    def test_bat(self) -> None:
        """Tests and releases in one file, which runs for tags too; cargo or cross by a variable of the shell."""
        text = """\
on: {pull_request: null, push: {branches: [master], tags: ['*']}}
jobs:
  min_version:
    steps:
      - run: cargo build --locked
      - run: cargo test --locked
  documentation:
    steps:
      - run: cargo doc --release
      - uses: actions/upload-artifact@v4
  build:
    env: {BUILD_CMD: cargo}
    steps:
      - run: echo "BUILD_CMD=cross" >> $GITHUB_ENV
      - run: $BUILD_CMD build --locked --release --target=${{ matrix.job.target }}
      - uses: actions/upload-artifact@v4
"""
        assert shipped(text) == [("release", 15)]

    def test_ruff(self) -> None:
        """dist leaves the building to another workflow, which its own calls and which is no release by itself."""
        texts = {
            "dist-workspace.toml": '[workspace]\nmembers = ["cargo:."]\n[dist]\nbuild-local-artifacts = false\n',
            RELEASE: """\
on: {workflow_dispatch: {inputs: {tag: {type: string}}}}
jobs:
  custom-build-binaries:
    uses: ./.github/workflows/build-binaries.yml
  announce:
    steps: [{run: 'gh release create "$TAG" artifacts/*'}]
""",
            ".github/workflows/build-binaries.yml": """\
on: {workflow_call: null, pull_request: null}
jobs:
  linux:
    steps:
      - uses: PyO3/maturin-action@e839 # v1.51.0
        with:
          target: x86_64
          args: --release --locked --out dist
      - uses: actions/upload-artifact@v7
""",
            ".github/workflows/ci.yaml": """\
on: {pull_request: null, push: {branches: [main]}}
jobs:
  cargo-build:
    steps:
      - run: cargo build --profile dist --bin ruff
      - uses: actions/upload-artifact@v7
""",
        }
        (found,) = shipped_in(texts, OWN)
        assert (found.profile, found.place.said) == ("release", "--release")
        assert (found.place.file, found.place.line) == (".github/workflows/build-binaries.yml", 8)


class TestCommands:
    @pytest.mark.parametrize(
        ("command", "profile"),
        [
            ("cargo build --release", "release"),
            ("cargo build -r", "release"),
            ("cargo b --release --locked", "release"),
            ("cargo +nightly build --release -Z build-std", "release"),
            ("cargo --locked build --profile dist", "dist"),
            ('cargo build --profile="dist"', "dist"),
            ("cargo zigbuild --profile dist --target aarch64-unknown-linux-gnu.2.17", "dist"),
            ("cross build --release --target $TARGET", "release"),
            ("cross.exe build --release", "release"),
            ("cargo rustc --profile dist --bin tool -- -C target-cpu=native --release", "dist"),
            ("cargo auditable build --release", "release"),
            ("cargo install --path . --root out", "release"),
            ("cargo install --path=. --profile dist --root out", "dist"),
            ("cargo deb", "release"),
            ("maturin build --release --out dist", "release"),
            ("python -m maturin build --profile dist", "dist"),
            ("maturin publish", "release"),
            ("uvx maturin publish --profile=dist", "dist"),
            ("$TOOL build --release", "release"),
            ("~/.cargo/bin/cargo build --release", "release"),
            ("RUSTFLAGS='-C target-cpu=x86-64-v2' cargo build --release", "release"),
            ("docker run --rm $IMAGE cargo build --release", "release"),
            ("cd tool && cargo build --release", "release"),
            ("if true; then cargo build --release; fi", "release"),
        ],
    )
    def test_what_ships(self, command: str, profile: str) -> None:
        assert shipped(script("rustup show", command)) == [(profile, 8)]

    @pytest.mark.parametrize(
        "command",
        [
            "cargo build",
            "cargo build --profile dev",
            "cargo build --target $TARGET",
            "cargo test --release",
            "cargo run --release -- build",
            "cargo bench --profile dist",
            "cargo xtask build --release",
            "cargo build -- --release",
            "cargo install cross --profile dist",
            "cargo install --path . --debug",
            "cargo deb --no-build --profile dist",
            "# cargo build --release",
            "true # cargo build --release",
            'echo "cargo build --release"',
            "maturin develop --release",
            "maturin sdist",
            "maturin build",
            "docker build --tag tool .",
            "$DOCKER build $OPTIONS",
            "rustup toolchain install stable --profile minimal",
            "cargo",
            "maturin",
            "cargo build --profile",
            "cargo build --profile other",
        ],
    )
    def test_what_does_not(self, command: str) -> None:
        assert shipped(script("rustup show", command)) == []

    @pytest.mark.parametrize(
        "command",
        [
            "cargo build --profile $PROFILE",
            "cargo build --profile=${PROFILE:-dist}",
            "cargo build --profile $env:PROFILE",
            "cargo build --profile %PROFILE%",
            "cargo build $FLAGS",
            "cargo build --locked $(cat flags)",
            "cargo build ${{ inputs.flags || '--release' }}",
            "cargo build --profile ${{ env.PROFILE }}",
            "maturin build ${{ inputs.flags }}",
        ],
    )
    def test_what_is_only_known_later(self, command: str) -> None:
        assert shipped(script("rustup show", command)) == [("", 8)]

    def test_lines_that_go_on(self) -> None:
        text = script("# first", "cargo build \\", "  --locked \\", "  --profile dist", "cargo build `", "  --release")
        assert shipped(text) == [("dist", 8), ("release", 11)]
        assert shipped(script("cargo build --profile dist \\")) == [("dist", 7)]
        assert shipped(script("COMMIT=`git rev-parse HEAD`", "cargo build --release")) == [("release", 8)]


class TestActions:
    @pytest.mark.parametrize(
        ("step", "profile"),
        [
            ("PyO3/maturin-action@v1\n        with: {args: --release --out dist}", "release"),
            ("PyO3/maturin-action@v1\n        with: {command: publish, args: --profile dist}", "dist"),
            ("taiki-e/upload-rust-binary-action@v1\n        with: {bin: tool}", "release"),
            ("taiki-e/upload-rust-binary-action@v1\n        with: {bin: tool, profile: dist}", "dist"),
            (
                "actions-rs/cargo@v1\n        with: {command: build, args: '--release --all', use-cross: true}",
                "release",
            ),
            ("houseabsolute/actions-rust-cross@v1\n        with: {args: --locked --profile dist}", "dist"),
            ("houseabsolute/actions-rust-cross@v1\n        with: {command: both, args: --release}", "release"),
            ("PyO3/maturin-action@v1\n        with: {args: '${{ inputs.flags }}'}", ""),
            ("taiki-e/upload-rust-binary-action@v1\n        with: {profile: '${{ inputs.profile }}'}", ""),
        ],
    )
    def test_what_ships(self, step: str, profile: str) -> None:
        assert names(workflow(f"      - uses: {step}\n")) == [profile]

    def test_where_it_says_so(self) -> None:
        step = "      - uses: taiki-e/upload-rust-binary-action@v1\n"
        assert shipped(workflow(step)) == [("release", 6)]
        assert shipped(workflow(f"{step}        with:\n          bin: tool\n          profile: dist\n")) == [
            ("dist", 9)
        ]

    @pytest.mark.parametrize(
        "step",
        [
            "PyO3/maturin-action@v1\n        with: {command: sdist, args: --release}",
            "PyO3/maturin-action@v1",
            "actions-rs/cargo@v1\n        with: {command: test, args: --release}",
            "actions-rs/cargo@v1\n        with: {command: build}",
            "somebody/else@v1\n        with: {command: build, args: --release}",
        ],
    )
    def test_what_does_not(self, step: str) -> None:
        assert shipped(workflow(f"      - uses: {step}\n")) == []


class TestValues:
    def test_a_matrix(self) -> None:
        job = """\
    strategy:
      matrix:
        target: [a, b]
        include:
          - {target: a, flags: --release}
          - {target: b, flags: "--profile ${{ matrix.name }}", name: dist}
          - {target: c}
"""
        assert names(script("cargo build ${{ matrix.flags }} --target ${{ matrix.target }}", job=job)) == [
            "release",
            "dist",
        ]

    def test_a_matrix_of_mappings(self) -> None:
        job = "    strategy: {matrix: {job: [{profile: dist}, {profile: small}]}}\n"
        assert names(script("cargo build --profile ${{ matrix.job.profile }}", job=job)) == ["dist", "small"]
        assert names(script("cargo build --profile ${{ matrix.job }}", job=job)) == [""]

    @pytest.mark.parametrize(
        "matrix",
        ["'{later}'", "{include: '{later}'}", "{include: ['{later}']}", "{flags: '{later}'}"],
    )
    def test_a_matrix_that_is_only_known_later(self, matrix: str) -> None:
        job = "    strategy: {matrix: " + matrix.replace("{later}", "${{ fromJson(needs.plan.outputs.list) }}") + "}\n"
        assert names(script("cargo build ${{ matrix.flags }}", job=job)) == [""]

    def test_the_nearest_environment_counts(self) -> None:
        on = f"{TAGS}env: {{PROFILE: release, FLAGS: --locked}}\n"
        job = "    env: {PROFILE: small}\n"
        step = "      - run: cargo build $FLAGS --profile ${PROFILE}\n"
        assert names(workflow(step, on=on)) == ["release"]
        assert names(workflow(step, on=on, job=job)) == ["small"]
        assert names(workflow(f"{step}        env: {{PROFILE: dist}}\n", on=on, job=job)) == ["dist"]
        assert names(workflow(step.replace("${PROFILE}", "$env:PROFILE"), on=on)) == ["release"]

    def test_a_variable_that_a_script_changes_is_not_known(self) -> None:
        on = f"{TAGS}env: {{PROFILE: dist}}\n"
        change = '      - run: echo "PROFILE=small" >> "$GITHUB_ENV"\n'
        assert names(workflow(f"{change}      - run: cargo build --profile $PROFILE\n", on=on)) == [""]

    def test_values_without_end(self) -> None:
        on = f"{TAGS}env: {{A: '${{{{ env.B }}}} ${{{{ env.B }}}}', B: '${{{{ env.A }}}} ${{{{ env.A }}}}'}}\n"
        assert names(script("cargo build $A", on=on)) == [""]
        long = "v" * 600
        on = f"{TAGS}env: {{A: '--release ${{{{ env.B }}}}${{{{ env.B }}}}', B: {long}}}\n"
        assert names(script("cargo build $A", on=on)) == [""]
        assert names(script("cargo build $A", on=f"{TAGS}env: {{A: --release {long}{long}}}\n")) == [""]


class TestWhatPublishes:
    @pytest.mark.parametrize(
        "on",
        [
            "on: release\n",
            "on: [push, release]\n",
            "on: {release: {types: [published]}}\n",
            "on: {push: {branches: [main], tags: ['*']}}\n",
        ],
    )
    def test_by_what_starts_it(self, on: str) -> None:
        assert names(script("cargo build --release", on=on)) == ["release"]

    @pytest.mark.parametrize(
        "step",
        [
            "uses: softprops/action-gh-release@v2",
            "uses: Svenstaro/upload-release-action@v2",
            "uses: pypa/gh-action-pypi-publish@release/v1",
            "run: gh release create v1 tool.tar.gz",
            "run: uv publish dist/*",
            "run: npm publish",
        ],
    )
    @pytest.mark.parametrize("on", ["on: workflow_dispatch\n", "on: {push: {branches: [main]}}\n", ""])
    def test_by_what_it_does(self, step: str, on: str) -> None:
        assert names(script("cargo build --release", on=on, end=f"      - {step}\n")) == ["release"]
        other_job = f"  publish:\n    steps:\n      - {step}\n"
        assert names(script("cargo build --release", on=on) + other_job) == ["release"]

    @pytest.mark.parametrize(
        "on",
        ["on: push\n", "on: [push, pull_request]\n", "on: {push: {branches: [main]}}\n", "on: workflow_call\n", ""],
    )
    def test_nothing_else(self, on: str) -> None:
        assert names(script("cargo build --release", on=on)) == []

    @pytest.mark.parametrize(
        ("end", "ships"),
        [
            ("      - uses: actions/upload-artifact@v4\n", True),
            ("      - {run: aws s3 cp tool s3://releases/, if: github.ref_type == 'tag'}\n", True),
            ("      - run: docker push somewhere/tool\n", True),
            ("", False),
            ("      - run: '# gh release upload v1 tool'\n", False),
            ("      - {uses: actions/upload-artifact@v4, if: failure()}\n", False),
            ("      - {uses: actions/upload-artifact@v4, if: '${{ !failure() }}'}\n", True),
            ("      - {uses: actions/upload-artifact@v4, if: success() || failure()}\n", True),
            ("      - {uses: actions/upload-artifact@v4, if: false}\n", False),
        ],
    )
    def test_only_what_leaves_the_job(self, end: str, *, ships: bool) -> None:
        assert bool(names(script("cargo build --release", end=end))) is ships

    @pytest.mark.parametrize(
        ("condition", "ships"),
        [
            ("false", False),
            ("${{ false }}", False),
            ("github.event_name == 'pull_request'", False),
            ("github.event_name != 'pull_request'", True),
            ("github.event_name == 'pull_request' || startsWith(github.ref, 'refs/tags/')", True),
            ("matrix.use_zigbuild", True),
        ],
    )
    def test_only_what_runs_for_releases(self, condition: str, *, ships: bool) -> None:
        assert bool(names(script("cargo build --release", job=f'    if: "{condition}"\n'))) is ships
        step = f'      - run: cargo build --release\n        if: "{condition}"\n'
        assert bool(names(workflow(step))) is ships

    def test_workflows_that_call_each_other(self) -> None:
        steps = script("cargo build --release", on="on: workflow_call\n")
        call = "on: {release: null}\njobs: {call: {uses: ./.github/workflows/a.yml}}\n"
        back = "  back:\n    uses: ./.github/workflows/b.yml\n"
        texts = {".github/workflows/a.yml": steps + back, ".github/workflows/b.yml": call}
        assert [one.place.file for one in shipped_in(texts, OWN)] == [".github/workflows/a.yml"]


class TestSettings:
    @pytest.mark.parametrize(
        ("file", "text", "line"),
        [
            ("dist-workspace.toml", '[workspace]\nmembers = ["cargo:."]\n\n[dist]\nci = "github"\n', 4),
            ("dist.toml", "[dist]\n", 1),
            ("Cargo.toml", '[workspace]\nmembers = ["a"]\n[workspace.metadata.dist]\nci = ["github"]\n', 3),
            ("Cargo.toml", "[package.metadata.dist]\n", 1),
            ("rust/dist.toml", "# dist\n[dist]\n", 2),
        ],
    )
    def test_dist(self, file: str, text: str, line: int) -> None:
        assert shipped(text, file=file) == [("dist", line)]

    @pytest.mark.parametrize(
        "text",
        [
            "[dist]\nbuild-local-artifacts = false\n",
            "[dist]\ndist = false\n",
            '[workspace]\nmembers = ["npm:ui"]\n[dist]\nci = "github"\n',
            "dist = 3\n",
            "[dist",
            "[workspace]\n",
        ],
    )
    def test_dist_that_builds_nothing(self, text: str) -> None:
        assert shipped(text, file="dist-workspace.toml") == []

    def test_maturin(self) -> None:
        text = '[project]\nname = "x"\n[tool.maturin]\neditable-profile = "small"\nprofile = "dist"\n'
        (found,) = shipped_in({"pyproject.toml": text}, OWN)
        assert (found.profile, found.place.line, found.place.said) == ("dist", 5, 'profile = "dist"')
        publishing = {"pyproject.toml": text, RELEASE: script("maturin publish")}
        assert [one.profile for one in shipped_in(publishing, OWN)] == ["dist"]

    @pytest.mark.parametrize("value", ["3", '"dev"', '"("', '["dist"]', '""'])
    def test_other_profiles_of_maturin(self, value: str) -> None:
        assert shipped(f"[tool.maturin]\nprofile = {value}\n", file="pyproject.toml") == []

    @pytest.mark.parametrize(
        "text", ["tool = 3", "tool = {maturin = 3}", "[tool", f"x = {'9' * 5000}", "x = " + "[" * 5000]
    )
    def test_other_tables(self, text: str) -> None:
        for file in ("pyproject.toml", "Cargo.toml", "dist.toml"):
            assert shipped(text, file=file) == []


class TestSettingsOnTop:
    """A workflow may build with more than the profile: then what is measured is not what ships."""

    def settings(self, text: str) -> tuple[str, ...]:
        (build,) = shipped_in({RELEASE: text}, OWN)
        return build.settings

    def test_variables_of_the_step_the_job_and_the_workflow(self) -> None:
        text = workflow(
            "      - run: cargo build --release\n"
            "        env: {CARGO_PROFILE_RELEASE_LTO: thin, CARGO_PROFILE_DEV_DEBUG: 0}\n",
            on=f"{TAGS}env: {{CARGO_PROFILE_RELEASE_LTO: fat, CARGO_PROFILE_RELEASE_CODEGEN_UNITS: '8'}}\n",
            job="    env: {RUSTFLAGS: -C target-cpu=x86-64-v3}\n",
        )
        assert set(self.settings(text)) == {
            "CARGO_PROFILE_RELEASE_LTO=thin",
            "CARGO_PROFILE_RELEASE_CODEGEN_UNITS=8",
            "RUSTFLAGS=-C target-cpu=x86-64-v3",
        }

    @pytest.mark.parametrize(
        ("line", "settings"),
        [
            ("cargo build --release --config profile.release.lto=true", ("--config profile.release.lto=true",)),
            ("cargo build --release --config profile.dev.lto=true", ()),
            ("RUSTFLAGS='-C target-cpu=native -g' cargo build -r", ("RUSTFLAGS=-C target-cpu=native -g",)),
            ("RUSTFLAGS='-D warnings' cargo build -r", ()),
            ("CARGO_PROFILE_DIST_LTO=off cargo build --profile dist", ("CARGO_PROFILE_DIST_LTO=off",)),
        ],
    )
    def test_of_one_command(self, line: str, settings: tuple[str, ...]) -> None:
        assert self.settings(script(line)) == settings

    def test_what_a_script_changes_is_not_known(self) -> None:
        text = script('export RUSTFLAGS="-C target-cpu=native"', "cargo build --release")
        assert self.settings(text) == ("RUSTFLAGS=…",)

    def test_what_is_set_here_too_is_not_told(self, tmp_path: Path) -> None:
        root = tmp_path
        (root / "Cargo.toml").write_text(MANIFEST)
        (root / RELEASE).parent.mkdir(parents=True)
        (root / RELEASE).write_text(script("CARGO_PROFILE_RELEASE_LTO=fat cargo build --release"))
        (note,) = other_profile_notes(root, "release", {})
        assert "CARGO_PROFILE_RELEASE_LTO=fat" in note
        assert other_profile_notes(root, "release", {"CARGO_PROFILE_RELEASE_LTO": "fat"}) == ()


class TestNotes:
    @staticmethod
    def project(folder: Path, **workflows: str) -> Path:
        (folder / ".github" / "workflows").mkdir(parents=True)
        (folder / "Cargo.toml").write_text(MANIFEST)
        for name, text in workflows.items():
            (folder / ".github" / "workflows" / f"{name}.yml").write_text(text)
        return folder

    def test_another_profile_is_told(self, tmp_path: Path) -> None:
        root = self.project(tmp_path, release=script("cargo build --profile dist"))
        assert other_profile_notes(root, "release", {}) == (
            ".github/workflows/release.yml:7 ships with --profile dist, not release, which is measured here: "
            "choose it with --profile dist",
        )
        assert other_profile_notes(root, "dist", {}) == ()

    def test_each_is_told_once(self, tmp_path: Path) -> None:
        many = script("cargo build --profile dist", "cargo build --release", "cross build --profile dist")
        root = self.project(tmp_path, a=many, b=script("cross build --profile dist"))
        assert other_profile_notes(root, "profiling", {}) == (
            ".github/workflows/a.yml:7 and 2 more places ship with --profile dist, not profiling, which is measured "
            "here: choose it with --profile dist",
            ".github/workflows/a.yml:8 ships with --profile release, not profiling, which is measured here: "
            "choose it with --profile release",
        )
        assert other_profile_notes(root, "release", {}) == ()

    def test_two_places(self, tmp_path: Path) -> None:
        root = self.project(tmp_path, a=script("cargo build --profile dist", "cross build --profile dist"))
        (note,) = other_profile_notes(root, "release", {})
        assert note.startswith(".github/workflows/a.yml:7 and 1 more place ship with --profile dist, ")

    def test_in_doubt_nothing_is(self, tmp_path: Path) -> None:
        root = self.project(tmp_path, a=script("cargo build --profile dist", "cargo build --profile $OTHER"))
        assert [one.profile for one in shipped_profiles(root)] == ["dist", ""]
        assert other_profile_notes(root, "release", {}) == ()

    def test_a_profile_of_another_workspace_is_not(self, tmp_path: Path) -> None:
        root = self.project(tmp_path, a=script("cargo build --profile their-own"))
        assert other_profile_notes(root, "release", {}) == ()
        (root / ".cargo").mkdir()
        (root / ".cargo" / "config.toml").write_text('[profile.their-own]\ninherits = "release"\n')
        assert len(other_profile_notes(root, "release", {})) == 1

    def test_a_workspace_within_a_repository(self, tmp_path: Path) -> None:
        top = self.project(tmp_path, release=script("cargo build --profile dist"))
        (top / ".git").mkdir()
        (top / "rust").mkdir()
        (top / "rust" / "Cargo.toml").write_text(MANIFEST)
        (top / "rust" / "dist.toml").write_text("[dist]\n")
        found = [(one.profile, one.place.file) for one in shipped_profiles(top / "rust")]
        assert found == [("dist", "rust/dist.toml"), ("dist", ".github/workflows/release.yml")]

    def test_a_project_that_says_nothing(self, tmp_path: Path) -> None:
        assert shipped_profiles(tmp_path) == ()
        assert other_profile_notes(tmp_path, "release", {}) == ()

    def test_files_that_cannot_be_read_say_nothing(self, tmp_path: Path) -> None:
        root = self.project(tmp_path, broken="jobs: [", good=script("cargo build --profile dist"))
        workflows = root / ".github" / "workflows"
        (workflows / "bytes.yml").write_bytes(b"\xff\xfe")
        (workflows / "large.yml").write_text(script("cargo build --release") + "#" * (1 << 20))
        (workflows / "folder.yml").mkdir()
        (workflows / "gone.yml").symlink_to("nowhere")
        (root / "dist.toml").write_text("[dist")
        (root / "pyproject.toml").write_text("tool = 3\n")
        assert [one.profile for one in shipped_profiles(root)] == ["dist"]
        (root / "Cargo.toml").write_text("[package")
        assert shipped_profiles(root) == ()


_SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=12),
    st.sampled_from(
        ["release", "failure()", "cargo build --release", "cargo build --profile $A", "gh release create ${{ env.A }}",
         "maturin build ${{ matrix.x }}", "actions/upload-artifact@v4", "taiki-e/upload-rust-binary-action",
         "PyO3/maturin-action@v1", "./.github/workflows/release.yml", "cargo", "cargo \\", "maturin", "$(", "'"],
    ),
)  # fmt: skip
_KEYS = st.sampled_from(
    ["on", "push", "tags", "release", "jobs", "a", "steps", "run", "uses", "with", "args", "command", "profile", "env",
     "A", "strategy", "matrix", "include", "exclude", "x", "if"]
) | st.text(max_size=5)  # fmt: skip
_VALUES: st.SearchStrategy[Any] = st.recursive(
    _SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_KEYS, inner, max_size=5), max_leaves=20
)
_STEPS = st.fixed_dictionaries(
    {}, optional={"run": _VALUES, "uses": _VALUES, "with": _VALUES, "env": _VALUES, "if": _VALUES}
)
_JOBS = st.fixed_dictionaries(
    {"steps": st.lists(_STEPS | _VALUES, max_size=4)}, optional={"env": _VALUES, "strategy": _VALUES, "if": _VALUES}
)
_WORKFLOWS = st.fixed_dictionaries(
    {"jobs": st.dictionaries(_KEYS, _JOBS | _VALUES, max_size=3)}, optional={"on": _VALUES}
)


class TestOddYaml:
    @given(_WORKFLOWS | _VALUES)
    def test_any_value_is_read(self, value: object) -> None:
        text = json.dumps(value, indent=1)  # which is YAML as well
        for one in shipped_in({RELEASE: text}, OWN):
            assert one.profile in ("", *OWN)
            assert 1 <= one.place.line <= text.count("\n") + 1

    @given(st.text(max_size=200))
    def test_any_script_is_read(self, text: str) -> None:
        value = {"on": "release", "jobs": {"a": {"steps": [{"run": text}, {"uses": "actions/upload-artifact"}]}}}
        assert all(one.profile in ("", *OWN) for one in shipped_in({RELEASE: json.dumps(value)}, OWN))

    @given(st.text(max_size=200))
    def test_any_text_is_read(self, text: str) -> None:
        for file in (RELEASE, "pyproject.toml", "dist.toml", "Cargo.toml"):
            assert shipped_in({file: text}, OWN) == ()

    def test_aliases_that_stand_for_billions_of_steps_end(self) -> None:
        step = "&s {run: cargo build --profile dist}"
        steps = f"&l [{step}, {', '.join(['*s'] * 5_000)}, {{uses: actions/upload-artifact}}]"
        jobs = ", ".join(f"j{number}: *j" for number in range(5_000))
        text = f"on: release\njobs: {{a: &j {{steps: {steps}}}, {jobs}}}\n"
        assert names(text) in ([], ["dist"])
