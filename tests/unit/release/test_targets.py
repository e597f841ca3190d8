"""Where projects name their release targets: facts of well-known projects' own files, typed anew and much shortened."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trimtab.errors import InputError
from trimtab.model.release_target import Discovery
from trimtab.release.cibuildwheel import CibuildwheelSettings
from trimtab.release.targets import find_targets, targets_in
from trimtab.release.triples import runner_triple, triples_in
from trimtab.release.workflows import read_workflow
from trimtab.release.yaml_lines import read_yaml

_TRIPLES = """
aarch64-apple-darwin aarch64-pc-windows-msvc aarch64-unknown-linux-gnu aarch64-unknown-linux-musl
arm-unknown-linux-gnueabihf arm-unknown-linux-musleabihf armv7-unknown-linux-gnueabihf armv7-unknown-linux-musleabi
armv7-unknown-linux-musleabihf i686-pc-windows-msvc i686-unknown-linux-gnu i686-unknown-linux-musl
powerpc64-unknown-linux-gnu powerpc64le-unknown-linux-gnu riscv64gc-unknown-linux-gnu riscv64gc-unknown-linux-musl
s390x-unknown-linux-gnu wasm32-unknown-unknown wasm32-wasip1 x86_64-apple-darwin x86_64-pc-windows-gnu
x86_64-pc-windows-msvc x86_64-unknown-freebsd x86_64-unknown-linux-gnu x86_64-unknown-linux-musl
"""
KNOWN = frozenset(_TRIPLES.split())
RELEASE = ".github/workflows/release.yml"


def names(found: Discovery) -> list[str]:
    return [target.triple for target in found.targets]


def named(text: str, file: str = RELEASE, wheels: CibuildwheelSettings | None = None) -> set[str]:
    return {triple for triple, _ in read_workflow(text, file, KNOWN, wheels).named}


def lines(found: Discovery, triple: str) -> list[tuple[str, int]]:
    (target,) = (target for target in found.targets if target.triple == triple)
    return [(place.file, place.line) for place in target.places]


class TestWellKnownProjects:
    def test_ripgrep(self) -> None:
        """A list of includes; the targets of its tests are not those of its releases; cross itself is downloaded."""
        release = """\
name: release
on:
  push:
    tags: ["[0-9]+.[0-9]+.[0-9]+"]
jobs:
  create-release:
    runs-on: ubuntu-latest
    steps:
      - run: gh release create $VERSION
  build-release:
    runs-on: ${{ matrix.os }}
    env:
      CARGO: cargo
      TARGET_FLAGS:
    strategy:
      matrix:
        include:
          - build: linux
            os: ubuntu-latest
            target: x86_64-unknown-linux-musl
          - build: stable-x86
            os: ubuntu-latest
            target: i686-unknown-linux-gnu
          - build: stable-s390x
            os: ubuntu-latest
            target: s390x-unknown-linux-gnu
          - build: macos
            os: macos-latest
            target: aarch64-apple-darwin
          - build: win-gnu
            os: windows-latest
            rust: nightly-x86_64-gnu
            target: x86_64-pc-windows-gnu
    steps:
      - name: Use Cross
        run: curl -LO "https://somewhere/cross-x86_64-unknown-linux-musl.tar.gz"
      - name: Build release binary
        run: |
          ${{ env.CARGO }} build --verbose --profile release-lto --features pcre2 ${{ env.TARGET_FLAGS }}
  build-release-deb:
    runs-on: ubuntu-latest
    env:
      TARGET: x86_64-unknown-linux-musl
    steps:
      - run: cargo deb --profile deb --target ${{ env.TARGET }}
"""
        tests = """\
name: ci
on: {pull_request: null, push: {branches: [master]}}
jobs:
  test:
    runs-on: ubuntu-latest
    strategy: {matrix: {target: [powerpc64-unknown-linux-gnu, x86_64-unknown-linux-gnu]}}
    steps:
      - run: cross test --target ${{ matrix.target }}
"""
        found = targets_in({RELEASE: release, ".github/workflows/ci.yml": tests}, KNOWN)
        assert names(found) == [
            "x86_64-unknown-linux-musl",
            "i686-unknown-linux-gnu",
            "s390x-unknown-linux-gnu",
            "aarch64-apple-darwin",
            "x86_64-pc-windows-gnu",
        ]
        assert lines(found, "x86_64-unknown-linux-musl") == [(RELEASE, 20), (RELEASE, 43)]
        assert found.notes == ()

    def test_bat(self) -> None:
        """Mappings in a matrix of one key; tests and releases in one file, which runs for tags too."""
        text = """\
name: CICD
on:
  pull_request:
  push:
    branches: [master]
    tags: ['*']
jobs:
  min_version:
    runs-on: ubuntu-20.04
    steps:
      - run: cargo test --locked
  build:
    name: ${{ matrix.job.target }} (${{ matrix.job.os }})
    runs-on: ${{ matrix.job.os }}
    strategy:
      matrix:
        job:
          - { target: aarch64-unknown-linux-gnu   , os: ubuntu-20.04, use-cross: true }
          - { target: arm-unknown-linux-gnueabihf , os: ubuntu-20.04, use-cross: true }
          - { target: i686-pc-windows-msvc        , os: windows-2019                  }
          - { target: x86_64-apple-darwin         , os: macos-12                      }
    env: {BUILD_CMD: cargo}
    steps:
      - run: |
          case ${{ matrix.job.target }} in
            aarch64-unknown-linux-gnu) sudo apt-get -y install gcc-aarch64-linux-gnu ;;
          esac
      - run: $BUILD_CMD build --locked --release --target=${{ matrix.job.target }}
"""
        found = targets_in({".github/workflows/CICD.yml": text}, KNOWN)
        assert names(found) == [
            "aarch64-unknown-linux-gnu",
            "arm-unknown-linux-gnueabihf",
            "i686-pc-windows-msvc",
            "x86_64-apple-darwin",
        ]

    def test_ruff(self) -> None:
        """Maturin's own short names on macOS, triples elsewhere, and what its wheels are called does not count."""
        text = """\
name: "Build binaries"
on:
  workflow_call: {inputs: {plan: {required: true, type: string}}}
  pull_request:
    paths: [pyproject.toml]
env: {PACKAGE_NAME: ruff}
jobs:
  sdist:
    runs-on: ubuntu-latest
    steps:
      - run: python scripts/transform_readme.py --target pypi
      - uses: PyO3/maturin-action@e839 # v1.51.0
        with: {command: sdist, args: --out dist}
  macos-x86_64:
    runs-on: ${{ github.repository == 'astral-sh/ruff' && 'namespace-profile-macos-15' || 'macos-15' }}
    steps:
      - uses: PyO3/maturin-action@e839 # v1.51.0
        with:
          target: x86_64
          args: --release --locked --out dist
      - uses: actions/upload-artifact@v7
        with: {name: wheels-macos-x86_64}
  macos-aarch64:
    runs-on: macos-15
    steps:
      - uses: PyO3/maturin-action@e839
        with: {target: aarch64, args: --release}
      - run: |
          # archive of aarch64-unknown-linux-gnu is made elsewhere
          TARGET=aarch64-apple-darwin
          cp target/$TARGET/release/ruff ruff-$TARGET/ruff
  windows:
    runs-on: windows-latest
    strategy:
      matrix:
        platform:
          - target: x86_64-pc-windows-msvc
            arch: x64
          - target: aarch64-pc-windows-msvc
            arch: x64
    steps:
      - uses: PyO3/maturin-action@e839
        with:
          target: ${{ matrix.platform.target }}
          args: --release
  musllinux:
    runs-on: ubuntu-latest
    strategy:
      matrix:
        target: [x86_64-unknown-linux-musl, i686-unknown-linux-musl]
    steps:
      - uses: PyO3/maturin-action@e839
        with:
          target: ${{ matrix.target }}
          manylinux: musllinux_1_2
      - name: "Test wheel"
        if: matrix.target == 'x86_64-unknown-linux-musl'
        run: docker run alpine:latest
"""
        found = targets_in({".github/workflows/build-binaries.yml": text}, KNOWN)
        assert names(found) == [
            "x86_64-apple-darwin",
            "aarch64-apple-darwin",
            "x86_64-pc-windows-msvc",
            "aarch64-pc-windows-msvc",
            "x86_64-unknown-linux-musl",
            "i686-unknown-linux-musl",
        ]
        assert lines(found, "x86_64-apple-darwin") == [(".github/workflows/build-binaries.yml", 19)]

    def test_uv(self) -> None:
        """dist names the targets; its workflow is generated, and calls the one that builds."""
        dist = """\
[workspace]
members = ["cargo:."]
[dist]
cargo-dist-version = "0.30.2"
# Target platforms to build apps for, such as "i686-pc-windows-msvc"
targets = [
    "aarch64-apple-darwin",
    "powerpc64le-unknown-linux-gnu",
    "x86_64-pc-windows-msvc",
]
[dist.binaries]
"*" = ["uv", "uvx"]
"""
        release = """\
name: Release
on: {workflow_dispatch: {inputs: {tag: {default: dry-run}}}}
jobs:
  plan:
    runs-on: ubuntu-20.04
    steps:
      - run: cargo dist plan
  custom-build:
    needs: [plan]
    uses: ./.github/workflows/make.yml
    with: {plan: "${{ needs.plan.outputs.val }}"}
"""
        called = """\
name: Make
on: {workflow_call: {inputs: {plan: {type: string}}}}
jobs:
  linux:
    runs-on: ubuntu-latest
    strategy: {matrix: {target: [i686, x86_64]}}
    steps:
      - uses: PyO3/maturin-action@v1
        with: {target: "${{ matrix.target }}", manylinux: auto}
"""
        texts = {"dist-workspace.toml": dist, RELEASE: release, ".github/workflows/make.yml": called}
        found = targets_in(texts, KNOWN)
        assert names(found) == [
            "aarch64-apple-darwin",
            "powerpc64le-unknown-linux-gnu",
            "x86_64-pc-windows-msvc",
            "i686-unknown-linux-gnu",
            "x86_64-unknown-linux-gnu",
        ]
        assert lines(found, "powerpc64le-unknown-linux-gnu") == [("dist-workspace.toml", 8)]

    def test_just(self) -> None:
        """A list of targets, and includes that add to its combinations; a download that is no target."""
        text = """\
name: Release
on: {push: {tags: ['*']}}
jobs:
  package:
    strategy:
      matrix:
        target:
        - aarch64-apple-darwin
        - armv7-unknown-linux-musleabihf
        - x86_64-pc-windows-msvc
        include:
        - target: aarch64-apple-darwin
          os: macos-latest
        - target: armv7-unknown-linux-musleabihf
          os: ubuntu-latest
          target_rustflags: '--codegen linker=arm-linux-gnueabihf-gcc'
        - target: x86_64-pc-windows-msvc
          os: windows-latest
    runs-on: ${{matrix.os}}
    steps:
    - run: rustup target add aarch64-pc-windows-msvc
      if: ${{ matrix.target == 'aarch64-pc-windows-msvc' }}
    - env: {TARGET: "${{ matrix.target }}"}
      run: ./bin/package
  pages:
    runs-on: ubuntu-latest
    steps:
    - run: |
        wget https://somewhere/mdbook-linkcheck.x86_64-unknown-linux-gnu.zip
        unzip mdbook-linkcheck.x86_64-unknown-linux-gnu.zip
"""
        found = targets_in({".github/workflows/release.yaml": text}, KNOWN)
        assert names(found) == [
            "aarch64-apple-darwin",
            "armv7-unknown-linux-musleabihf",
            "x86_64-pc-windows-msvc",
            "aarch64-pc-windows-msvc",
        ]

    def test_starship(self) -> None:
        """Runs for every push to main, and is a release all the same: by its name."""
        text = """\
name: Release
on: {push: {branches: [main]}}
jobs:
  github_build:
    strategy:
      matrix:
        include:
          - target: riscv64gc-unknown-linux-musl
            os: ubuntu-latest
            name: starship-riscv64gc-unknown-linux-musl.tar.gz
            use_zigbuild: true
          - target: x86_64-unknown-freebsd
            os: ubuntu-latest
            name: starship-x86_64-unknown-freebsd.tar.gz
    runs-on: ${{ matrix.os }}
    env: {RUSTFLAGS: "${{ matrix.rustflags || '' }}"}
    steps:
      - run: rustup toolchain install stable --profile minimal --target ${{ matrix.target }}
      - run: cargo zigbuild --release --locked --target ${{ matrix.target }}
        if: matrix.use_zigbuild
  winget_update:
    runs-on: windows-latest
    env: {URL_64: "https://somewhere/starship-x86_64-pc-windows-msvc"}
    steps:
      - run: gh repo sync
"""
        assert named(text) == {"riscv64gc-unknown-linux-musl", "x86_64-unknown-freebsd"}

    def test_nushell_in_2021(self) -> None:
        """No target is named at all: each job builds for the machine it runs on."""
        job = """\
    steps:
      - uses: actions-rs/toolchain@v1
        with: {profile: minimal, toolchain: stable}
      - uses: actions-rs/cargo@v1
        with: {command: build, args: --release --all --features=stable}
"""
        text = f"""\
name: Create Release Draft
on: {{push: {{tags: ['[0-9]+.[0-9]+.[0-9]+*']}}}}
jobs:
  linux:
    runs-on: ubuntu-latest
{job}
  macos:
    runs-on: macos-latest
{job}
  windows:
    runs-on: windows-latest
{job}
  release:
    runs-on: ubuntu-latest
    steps:
      - run: mkdir -p output
"""
        assert named(text) == {"x86_64-unknown-linux-gnu", "aarch64-apple-darwin", "x86_64-pc-windows-msvc"}

    def test_tiktoken(self) -> None:
        """cibuildwheel: architectures from the runner, the environment and pyproject.toml, and what is skipped."""
        workflow = """\
name: Build wheels
on: [push, pull_request, workflow_dispatch]
jobs:
  build_wheels:
    runs-on: ${{ matrix.os }}
    strategy:
      matrix:
        os: [ubuntu-latest, windows-latest, macos-latest]
        python-version: [38, 39, 310, 311]
    steps:
      - uses: pypa/cibuildwheel@v2.11.3
        env: {CIBW_BUILD: "cp${{ matrix.python-version}}-*"}
  build_wheels_aarch64:
    runs-on: ubuntu-latest
    steps:
      - uses: pypa/cibuildwheel@v2.11.3
        env:
          CIBW_ARCHS: aarch64
          CIBW_BUILD: cp310-*
"""
        pyproject = """\
[project]
name = "tiktoken"
[tool.cibuildwheel]
skip = ["*-manylinux_i686", "*-musllinux_i686", "*-win32"]
macos.archs = ["x86_64", "arm64"]
"""
        texts = {"pyproject.toml": pyproject, ".github/workflows/build_wheels.yml": workflow}
        assert set(names(targets_in(texts, KNOWN))) == {
            "x86_64-apple-darwin",
            "aarch64-apple-darwin",
            "x86_64-unknown-linux-gnu",
            "x86_64-unknown-linux-musl",
            "x86_64-pc-windows-msvc",
            "aarch64-unknown-linux-gnu",
            "aarch64-unknown-linux-musl",
        }

    def test_tokenizers(self) -> None:
        """The target is in the name of the toolchain."""
        text = """\
on: {push: {tags: [python-v*]}}
jobs:
  windows_32bit:
    runs-on: windows-latest
    strategy: {matrix: {python: [3.9, 3.10]}}
    steps:
      - uses: actions-rs/toolchain@v1
        with: {toolchain: stable-i686-pc-windows-msvc, override: true}
      - run: python setup.py bdist_wheel
"""
        assert named(text, ".github/workflows/python-release.yml") == {"i686-pc-windows-msvc"}


def job(body: str) -> str:
    return f"on: {{release: {{types: [created]}}}}\njobs:\n  build:\n{body}"


class TestWorkflow:
    def test_parts_are_put_together(self) -> None:
        text = job("""\
    runs-on: ubuntu-latest
    env: {ABI: musl}
    strategy:
      matrix:
        arch: [x86_64, aarch64]
    steps:
      - run: cargo build --release --target ${{ matrix.arch }}-unknown-linux-${{ env.ABI }}
""")
        assert named(text) == {"x86_64-unknown-linux-musl", "aarch64-unknown-linux-musl"}

    def test_only_combinations_count(self) -> None:
        text = job("""\
    runs-on: ubuntu-latest
    strategy:
      matrix:
        arch: [x86_64, aarch64]
        os: [apple-darwin, pc-windows-msvc]
        exclude:
          - {arch: aarch64, os: pc-windows-msvc}
    steps:
      - run: cargo build --release --target=${{ matrix.arch }}-${{ matrix.os }}
""")
        assert named(text) == {"x86_64-apple-darwin", "aarch64-apple-darwin", "x86_64-pc-windows-msvc"}

    def test_an_excluded_target_is_none(self) -> None:
        text = job("""\
    runs-on: ubuntu-latest
    strategy:
      matrix:
        target: [x86_64-apple-darwin, x86_64-pc-windows-msvc]
        exclude: [{target: x86_64-apple-darwin}]
    steps:
      - run: cargo build --release --target ${{ matrix.target }}
""")
        assert named(text) == {"x86_64-pc-windows-msvc"}

    def test_what_a_matrix_includes_is_no_part_of_what_it_included_before(self) -> None:
        text = job("""\
    runs-on: ${{ matrix.os }}
    strategy:
      matrix:
        include:
          - {os: ubuntu-latest, arch: x86_64}
          - {os: ubuntu-latest, arch: aarch64}
          - {os: macos-14, arch: aarch64}
    steps:
      - uses: PyO3/maturin-action@v1
        with: {target: "${{ matrix.arch }}"}
""")
        assert named(text) == {"x86_64-unknown-linux-gnu", "aarch64-unknown-linux-gnu", "aarch64-apple-darwin"}

    @pytest.mark.parametrize(
        ("trigger", "releases"),
        [
            ("release", True),
            ("[release]", True),
            ("[push, release]", True),
            ("{release: {types: [created]}}", True),
            ("{push: {branches: [main], tags: ['v*']}}", True),
            ("push", False),
            ("[push, pull_request]", False),
            ("{push: {branches: [main]}}", False),
        ],
    )
    def test_what_a_workflow_runs_for(self, trigger: str, releases: bool) -> None:
        assert read_workflow(f"on: {trigger}\n", ".github/workflows/ci.yml", KNOWN).releases is releases

    def test_a_job_that_never_runs_has_no_targets(self) -> None:
        text = job("    if: false\n    runs-on: x\n    steps: [{run: rustup target add x86_64-apple-darwin}]\n")
        assert named(text) == set()

    def test_a_matrix_that_is_only_known_at_run_time_is_noted(self) -> None:
        text = job("""\
    runs-on: ubuntu-latest
    strategy:
      matrix:
        target: ${{ fromJson(needs.plan.outputs.targets) }}
    steps: [{run: "cargo build --release --target ${{ matrix.target }}"}]
""")
        found = read_workflow(text, RELEASE, KNOWN)
        assert found.named == ()
        assert found.notes == (
            f"{RELEASE}:7: the matrix of the job build is only known when it runs; name its targets with --target",
        )

    @pytest.mark.parametrize(
        ("script", "builds"),
        [
            ("cargo build --release", True),
            ("cargo  zigbuild -r --locked", True),
            ("cross build --profile dist", True),
            ("cargo build", False),
            ("# cargo build --release", False),
            ("cargo build --release --target $TARGET", False),
            ("cargo build --release ${{ steps.flags.outputs.target }}", False),
            ("cargo test --release", False),
            ("cargo build \\\n            --locked --release", True),
            ("cargo build `\n            --release", True),
            ("cargo build \\\n            --release --target $TARGET", False),
            ("cargo +nightly build --release", True),
            ("cargo +1.84.0 --locked build --release", True),
            ("cargo auditable build --release", True),
            ("cargo b -r", True),
            ("cargo rustc --release --bin app -- -C lto=fat", True),
            ("cargo build --release --target-dir out", True),
            ("maturin build --release", True),
            ("maturin publish", True),
            ("maturin build", False),
            ("cargo build-man --release", False),
        ],
    )
    def test_what_builds_for_the_runner(self, script: str, builds: bool) -> None:
        text = job(f"    runs-on: [self-hosted, ubuntu-24.04-arm]\n    steps:\n      - run: |\n          {script}\n")
        assert named(text) == ({"aarch64-unknown-linux-gnu"} if builds else set())

    @pytest.mark.parametrize(
        ("options", "found"),
        [
            ("{target: armv7}", "armv7-unknown-linux-gnueabihf"),
            ("{target: x86_64, manylinux: musllinux_1_1}", "x86_64-unknown-linux-musl"),
            ("{manylinux: auto}", "x86_64-unknown-linux-gnu"),
            ("{command: upload}", ""),
            ("{target: m68k}", ""),
        ],
    )
    def test_maturin(self, options: str, found: str) -> None:
        text = job(
            f"    runs-on: ubuntu-latest\n    steps:\n      - uses: PyO3/maturin-action@v1\n        with: {options}\n"
        )
        assert named(text) == ({found} if found else set())

    def test_universal_binaries_are_two_targets(self) -> None:
        text = job("""\
    runs-on: macos-14
    steps:
      - uses: PyO3/maturin-action@v1
        with: {target: universal2}
""")
        assert named(text) == {"x86_64-apple-darwin", "aarch64-apple-darwin"}

    def test_a_script_line_is_named(self) -> None:
        text = job("""\
    runs-on: ubuntu-latest
    steps:
      - run: |
          echo first
          rustup target add wasm32-wasip1
""")
        ((_, place),) = read_workflow(text, RELEASE, KNOWN).named
        assert (place.line, place.said) == (8, "wasm32-wasip1")
        assert text.splitlines()[place.line - 1].strip() == "rustup target add wasm32-wasip1"

    @pytest.mark.parametrize("text", ["jobs: [", "a: b: c", "\t- x", "[" * 3000])
    def test_no_yaml_is_refused(self, text: str) -> None:
        with pytest.raises(InputError, match="not valid YAML"):
            read_workflow(text, RELEASE, KNOWN)

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "just text",
            "- a\n- b\n",
            "jobs: 3",
            "jobs: [1]",
            "jobs: {a: 1, b: {steps: 3, strategy: x, runs-on: {}}}",
        ],
    )
    def test_yaml_that_is_no_workflow_names_nothing(self, text: str) -> None:
        assert named(text) == set()

    @pytest.mark.parametrize(
        "place",
        ["jobs: {{b: {{env: {{X: {bomb}}}}}}}", "on: {bomb}", "jobs: {{b: {{strategy: {{matrix: {{a: {bomb}}}}}}}}}"],
    )
    def test_aliases_that_stand_for_billions_of_values_are_refused(self, place: str) -> None:
        text = "a0: &a0 [x86_64-apple-darwin]\n"
        text += "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 40))
        with pytest.raises(InputError, match="it stands for more than 20,000 values"):
            read_workflow(text + place.format(bomb="*a39"), RELEASE, KNOWN)

    def test_a_few_aliases_are_followed(self) -> None:
        text = job("""\
    runs-on: ubuntu-latest
    strategy:
      matrix:
        platform: [&gnu {arch: x86_64, abi: gnu}, &musl {arch: x86_64, abi: musl}]
        exclude: [{platform: *gnu}]
    steps: [{run: "cargo build --target ${{ matrix.platform.arch }}-unknown-linux-${{ matrix.platform.abi }}"}]
""")
        assert named(text) == {"x86_64-unknown-linux-musl"}

    @given(st.text(max_size=200))
    def test_any_text_is_read_or_refused(self, text: str) -> None:
        try:
            read_workflow(text, RELEASE, KNOWN)
        except InputError:
            return


class TestYaml:
    def test_values_keep_their_spelling(self) -> None:
        (listed,) = read_yaml("a: [3.10, yes, ~, '', 0x1f]").table.values()
        assert [item.text for item in listed.items] == ["3.10", "yes", "", "", "0x1f"]

    @pytest.mark.parametrize(
        ("one", "other", "same"),
        [
            ("{a: [1, {b: c}]}", "a:\n- 1\n- b: c\n", True),
            ("{a: 1, b: 2}", "{b: 2, a: 1}", True),
            ("[1, 2]", "[1]", False),
            ("{a: 1}", "{a: 1, b: 2}", False),
            ("{a: 1}", "[a]", False),
            ("[]", "{}", False),
        ],
    )
    def test_values_are_the_same_wherever_they_stand(self, one: str, other: str, same: bool) -> None:
        assert read_yaml(one).same(read_yaml(other)) is same

    def test_keys_that_are_no_words_are_left_out(self) -> None:
        assert set(read_yaml("{? [a, b] : c, d: e}").table) == {"d"}

    def test_on_is_no_boolean(self) -> None:
        assert "on" in read_yaml("on: push").table

    def test_lines(self) -> None:
        root = read_yaml("a:\n  b: |\n    one\n    two\n  c: three\n")
        assert [(node.text, node.line) for node in root.scalars()] == [("one\ntwo\n", 3), ("three", 5)]


class TestSettings:
    def test_only_where_nothing_releases(self) -> None:
        texts = {
            "rust-toolchain.toml": '[toolchain]\nchannel = "stable"\ntargets = ["wasm32-wasip1"]\n',
            ".cargo/config.toml": """\
[build]
target = "aarch64-unknown-linux-gnu"
[target.x86_64-pc-windows-msvc]
rustflags = ["-C", "target-feature=+crt-static"]
[target.'cfg(unix)']
runner = "x"
""",
        }
        found = targets_in(texts, KNOWN)
        assert names(found) == ["wasm32-wasip1", "aarch64-unknown-linux-gnu", "x86_64-pc-windows-msvc"]
        assert lines(found, "x86_64-pc-windows-msvc") == [(".cargo/config.toml", 3)]
        released = {**texts, RELEASE: job("    runs-on: macos-14\n    steps: [{run: cargo build --release}]\n")}
        assert names(targets_in(released, KNOWN)) == ["aarch64-apple-darwin"]

    @pytest.mark.parametrize(
        ("file", "text"),
        [
            ("Cargo.toml", '[workspace.metadata.dist]\ntargets = ["x86_64-apple-darwin"]\n'),
            ("Cargo.toml", '[package.metadata.dist]\ntargets = ["x86_64-apple-darwin"]\n'),
            ("dist.toml", '[dist]\ntargets = ["x86_64-apple-darwin"]\n'),
            ("pyproject.toml", "[tool.maturin.target.x86_64-apple-darwin]\nmacos-deployment-target = '11.0'\n"),
            ("pyproject.toml", "[tool.cibuildwheel.macos]\narchs = 'x86_64'\n"),
        ],
    )
    def test_each_place(self, file: str, text: str) -> None:
        assert names(targets_in({file: text}, KNOWN)) == ["x86_64-apple-darwin"]

    def test_linux_wheels_are_two_targets_unless_one_is_skipped(self) -> None:
        text = '[tool.cibuildwheel]\nlinux.archs = ["aarch64", "auto"]\n'
        both = ["aarch64-unknown-linux-gnu", "aarch64-unknown-linux-musl"]
        assert names(targets_in({"pyproject.toml": text}, KNOWN)) == both
        assert names(targets_in({"pyproject.toml": f'{text}skip = "*-musllinux_*"\n'}, KNOWN)) == both[:1]

    @pytest.mark.parametrize(
        ("settings", "found"),
        [
            ('build = "cp3{9,10,11}-*"', {"gnu", "musl"}),
            ('build = "cp3{9,1{0..2}}-manylinux_{x86_64,i686}"', {"gnu"}),
            ('build = "cp37-*"', {"gnu", "musl"}),
            ('build = "cp3{99,98}-*"', set()),
            ('skip = "{*-musllinux_*,pp*}"', {"gnu"}),
            (f'build = "{"{a,b}" * 100}"', set()),
            (f'build = "{"{a,b}" * 10000}"', set()),
            (f'build = "{"{0..999}" * 4}"', set()),
        ],
    )
    def test_wheels_are_chosen_by_patterns_with_braces(self, settings: str, found: set[str]) -> None:
        text = f'[tool.cibuildwheel]\nlinux.archs = "x86_64"\n{settings}\n'
        made = {f"x86_64-unknown-linux-{libc}" for libc in found}
        assert set(names(targets_in({"pyproject.toml": text}, KNOWN))) == made

    def test_tests_count_where_no_workflow_releases(self) -> None:
        text = "on: push\njobs: {test: {runs-on: x, steps: [{run: cargo test --target i686-unknown-linux-gnu}]}}\n"
        found = targets_in({".github/workflows/test.yml": text}, KNOWN)
        assert names(found) == ["i686-unknown-linux-gnu"]
        assert found.notes == ("no workflow says that it releases: the targets of all workflows are taken",)

    def test_a_file_that_cannot_be_read_is_noted(self) -> None:
        texts = {
            "dist.toml": "[dist",
            "pyproject.toml": "tool = 3\n",
            ".github/workflows/release.yml": "{",
            ".cargo/config.toml": "target = 3\n[build]\ntarget = 'x86_64-apple-darwin'\n",
        }
        found = targets_in(texts, KNOWN)
        assert [note.partition(":")[0] for note in found.notes] == [
            "dist.toml was not read",
            "pyproject.toml was not read",
            ".github/workflows/release.yml was not read",
            ".cargo/config.toml was not read",
        ]


class TestFiles:
    def test_of_a_workspace_within_a_repository(self, tmp_path: Path) -> None:
        (tmp_path / ".git").mkdir()
        workflows = tmp_path / ".github" / "workflows"
        workflows.mkdir(parents=True)
        (workflows / "release.yml").write_text(job("    runs-on: windows-2022\n    steps: [{run: cargo build -r}]\n"))
        (workflows / "notes.txt").write_text("x86_64-apple-darwin")
        rust = tmp_path / "rust"
        rust.mkdir()
        (rust / "dist-workspace.toml").write_text('[dist]\ntargets = ["x86_64-apple-darwin"]\n')
        found = find_targets(rust, KNOWN)
        assert names(found) == ["x86_64-apple-darwin", "x86_64-pc-windows-msvc"]
        assert [place.file for target in found.targets for place in target.places] == [
            "rust/dist-workspace.toml",
            ".github/workflows/release.yml",
        ]

    def test_other_bytes_and_too_many_are_noted(self, tmp_path: Path) -> None:
        (tmp_path / "dist.toml").write_bytes(b"\xff\xfe")
        (tmp_path / "pyproject.toml").write_text("#" * (1 << 20) + "\n")
        found = find_targets(tmp_path, KNOWN)
        assert found.targets == ()
        assert [note.partition(" was")[0] for note in found.notes] == ["dist.toml", "pyproject.toml"]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("--target=x86_64-unknown-linux-gnu.2.17", ["x86_64-unknown-linux-gnu"]),
        ("nightly-2025-04-15-x86_64-apple-darwin", ["x86_64-apple-darwin"]),
        ("a 'x86_64-apple-darwin',\"x86_64-pc-windows-msvc\"", ["x86_64-apple-darwin", "x86_64-pc-windows-msvc"]),
        ("target/x86_64-apple-darwin/release tool-x86_64-apple-darwin.tar.gz", []),
    ],
)
def test_triples_are_words_of_their_own(text: str, found: list[str]) -> None:
    assert triples_in(text, KNOWN) == found


@pytest.mark.parametrize(
    ("label", "triple"),
    [
        ("ubuntu-24.04", "x86_64-unknown-linux-gnu"),
        ("ubuntu-24.04-arm", "aarch64-unknown-linux-gnu"),
        ("windows-11-arm", "aarch64-pc-windows-msvc"),
        ("macos-13", "x86_64-apple-darwin"),
        ("macos-15-intel", "x86_64-apple-darwin"),
        ("macos-latest", "aarch64-apple-darwin"),
        ("self-hosted", ""),
    ],
)
def test_runners(label: str, triple: str) -> None:
    assert runner_triple([label]) == triple
