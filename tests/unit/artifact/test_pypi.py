"""Wheels from a package index, with a pip that is played."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.fakes.runner import FakeRunner, finished
from trimtab.artifact.pypi import published_wheel
from trimtab.errors import InputError, MissingError
from trimtab.system.process import Command, Finished

OWN = f"{sys.executable} -P -m pip download *"
NO_PIP = finished(exit_code=1, stderr=f"{sys.executable}: No module named pip\n")
NOTHING_FITS = "ERROR: No matching distribution found for uv==0.2.35\n"
PINNED = "pypi:uv==0.2.35@manylinux-x86_64"


def saves(name: str) -> Callable[[Command], Finished]:
    """A pip that finds a wheel."""

    def download(command: Command) -> Finished:
        argv = command.argv
        (Path(argv[argv.index("--dest") + 1]) / name).write_bytes(b"wheel")
        return finished(f"Saved {name}\n")

    return download


THIS = ".".join(map(str, sys.version_info[:2]))
WHEEL = "uv-0.2.35-py3-none-manylinux_2_17_x86_64.manylinux2014_x86_64.whl"
PIP = saves(WHEEL)


def skips(*wheels: str) -> str:
    """What pip says with ``-vv`` of wheels that do not fit."""
    return "".join(
        f"  Skipping link: none of the wheel's tags (…) are compatible (run pip debug): https://files.test/aa/{wheel}"
        f" (from https://index.test/simple/uv/) (requires-python:>=3.8)\n"
        for wheel in wheels
    )


def fails(stdout: str = "", stderr: str = NOTHING_FITS) -> FakeRunner:
    return FakeRunner().on(OWN, finished(stdout, stderr=stderr, exit_code=1))


class TestFetching:
    def test_a_pinned_wheel_is_fetched_once(self, tmp_path: Path) -> None:
        runner = FakeRunner().on(OWN, PIP)
        first = published_wheel(runner, PINNED, tmp_path, {"PIP_INDEX_URL": "https://index.test"})
        assert first.name == WHEEL
        assert first.read_bytes() == b"wheel"
        assert first.parent.parent == tmp_path / "wheels"
        assert first.parent.name.startswith(f"uv==0.2.35@manylinux-x86_64-{sys.implementation.cache_tag}-")
        assert published_wheel(runner, PINNED, tmp_path, {"PIP_INDEX_URL": "https://index.test"}) == first
        (command,) = runner.commands
        assert command.environment == {"PIP_INDEX_URL": "https://index.test"}
        assert list((tmp_path / "wheels").glob("[!.]*")) == [first.parent]

    @pytest.mark.parametrize("damaged", ["the wheel", "the digest", "no digest"])
    def test_one_that_is_not_what_was_fetched_is_fetched_again(self, tmp_path: Path, damaged: str) -> None:
        runner = FakeRunner().on(OWN, PIP)
        first = published_wheel(runner, PINNED, tmp_path, {})
        digest = first.with_name("sha256")
        match damaged:
            case "the wheel":
                first.write_bytes(b"weasel")
            case "the digest":
                digest.write_bytes(b"\xff")
            case _:
                digest.unlink()
        assert published_wheel(runner, PINNED, tmp_path, {}).read_bytes() == b"wheel"
        assert published_wheel(runner, PINNED, tmp_path, {}) == first
        assert len(runner.commands) == 2
        assert list((tmp_path / "wheels").glob("[!.]*")) == [first.parent]

    def test_another_index_has_a_place_of_its_own(self, tmp_path: Path) -> None:
        runner = FakeRunner().on(OWN, PIP)
        places = {
            published_wheel(runner, PINNED, tmp_path, {"PIP_INDEX_URL": url}) for url in ("https://a.test", "", "b")
        }
        assert len(places) == 3
        assert f"uv==0.2.35@manylinux-x86_64-{sys.implementation.cache_tag}" in {place.parent.name for place in places}

    def test_pip_is_told_to_run_nothing(self, tmp_path: Path) -> None:
        runner = FakeRunner().on(OWN, PIP)
        published_wheel(runner, PINNED, tmp_path, {})
        argv = runner.commands[0].argv
        assert {"--no-deps", "--only-binary=:all:", "--no-input"} <= set(argv)
        assert argv[-1] == "uv==0.2.35"

    def test_without_a_version_the_newest_is_asked_for_each_time(self, tmp_path: Path) -> None:
        runner = FakeRunner().on(OWN, PIP, saves("uv-0.3.0-py3-none-any.whl"))
        assert published_wheel(runner, "pypi:UV", tmp_path, {}).name == WHEEL
        assert published_wheel(runner, "pypi:uv", tmp_path, {}).name == "uv-0.3.0-py3-none-any.whl"
        assert published_wheel(runner, "pypi:uv==0.3.0", tmp_path, {}).name == "uv-0.3.0-py3-none-any.whl"
        assert [command.argv[-1] for command in runner.commands] == ["uv", "uv"]

    def test_this_machines_wheel_is_not_taken_for_another_platforms(self, tmp_path: Path) -> None:
        runner = FakeRunner().on(OWN, PIP, saves("uv-0.2.35-py3-none-win_amd64.whl"))
        published_wheel(runner, "pypi:uv==0.2.35", tmp_path, {})
        assert published_wheel(runner, "pypi:uv==0.2.35@win_amd64", tmp_path, {}).name.endswith("win_amd64.whl")
        assert "--platform" not in " ".join(runner.commands[0].argv)

    def test_another_process_may_have_been_faster(self, tmp_path: Path) -> None:
        def meanwhile(command: Command) -> Finished:
            published_wheel(FakeRunner().on(OWN, PIP), PINNED, tmp_path, {})
            return PIP(command)

        assert published_wheel(FakeRunner().on(OWN, meanwhile), PINNED, tmp_path, {}).name == WHEEL
        assert len(list((tmp_path / "wheels").glob("[!.]*"))) == 1

    def test_nothing_is_left_of_a_run_that_is_stopped(self, tmp_path: Path) -> None:
        def stopped(command: Command) -> Finished:
            PIP(command)
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            published_wheel(FakeRunner().on(OWN, stopped), PINNED, tmp_path, {})
        assert list((tmp_path / "wheels").iterdir()) == []

    def test_a_cache_that_cannot_be_written(self, tmp_path: Path) -> None:
        (tmp_path / "wheels").touch()
        with pytest.raises(InputError, match="the cache folder cannot be written: File exists"):
            published_wheel(FakeRunner(), PINNED, tmp_path, {})


class TestPip:
    @pytest.mark.parametrize("own", [NO_PIP, MissingError("cannot run")])
    def test_one_on_path_will_do(self, own: Finished | Exception, tmp_path: Path) -> None:
        runner = FakeRunner().on(OWN, own).on("pip download*", MissingError("cannot run")).on("pip3 download*", PIP)
        assert published_wheel(runner, PINNED, tmp_path, {}).name == WHEEL

    def test_none_at_all(self, tmp_path: Path) -> None:
        runner = FakeRunner().on(OWN, NO_PIP).on("pip*", MissingError("cannot run"))
        with pytest.raises(MissingError, match="there is no pip") as caught:
            published_wheel(runner, PINNED, tmp_path, {})
        assert "ensurepip" in caught.value.hint

    def test_one_that_says_yes_and_saves_nothing(self, tmp_path: Path) -> None:
        with pytest.raises(MissingError, match=r"pip left no wheel of uv 0\.2\.35"):
            published_wheel(FakeRunner().on(OWN, finished()), PINNED, tmp_path, {})


class TestWords:
    @pytest.mark.parametrize(
        "word",
        [
            "pypi:", "pypi:uv[extra]==1", "pypi:uv>=1", "pypi:uv==1.*", "pypi:uv==", "pypi:uv==1@", "pypi:-r",
            "pypi:uv ", "pypi:../uv", "pypi:uv==1/../..", "pypi:uv @ https://x.test/uv.whl", "pypi:" + "u" * 300,
            "pypi:uv\n",
        ],
    )  # fmt: skip
    def test_that_are_not_understood(self, word: str, tmp_path: Path) -> None:
        with pytest.raises(InputError, match="names no wheel") as caught:
            published_wheel(FakeRunner(), word, tmp_path, {})
        assert len(caught.value.lines()) == 2
        assert list(tmp_path.iterdir()) == []

    @pytest.mark.parametrize(
        ("platform", "first", "last"),
        [
            ("manylinux-x86_64", "manylinux_2_45_x86_64", "linux_x86_64"),
            ("Linux-ARM64", "manylinux_2_45_aarch64", "linux_aarch64"),
            ("musllinux_aarch64", "musllinux_1_2_aarch64", "musllinux_1_0_aarch64"),
            ("macos-arm64", "macosx_30_0_arm64", "macosx_30_0_arm64"),
            ("macos_x86_64", "macosx_30_0_x86_64", "macosx_30_0_x86_64"),
            ("windows-x86_64", "win_amd64", "win_amd64"),
            ("windows-arm64", "win_arm64", "win_arm64"),
            ("windows-x86", "win32", "win32"),
            ("win-amd64", "win_amd64", "win_amd64"),
            ("manylinux_2_17_x86_64", "manylinux_2_17_x86_64", "manylinux_2_17_x86_64"),
            ("manylinux2014_i686", "manylinux2014_i686", "manylinux2014_i686"),
            ("macosx_11_0_universal2", "macosx_11_0_universal2", "macosx_11_0_universal2"),
            ("musllinux_1_2_aarch64", "musllinux_1_2_aarch64", "musllinux_1_2_aarch64"),
        ],
    )
    def test_for_platforms(self, platform: str, first: str, last: str, tmp_path: Path) -> None:
        runner = FakeRunner().on(OWN, PIP)
        published_wheel(runner, f"pypi:uv==0.2.35@{platform}", tmp_path, {})
        given = [word for word in runner.commands[0].argv if word.startswith("--platform=")]
        assert (given[0], given[-1]) == (f"--platform={first}", f"--platform={last}")

    @pytest.mark.parametrize(
        ("tag", "options"),
        [
            ("cp312-win_amd64", ["--python-version", "3.12", "--implementation=cp", "--platform=win_amd64"]),
            ("cp27-cp27mu-manylinux1_x86_64", [
                "--python-version", "2.7", "--implementation=cp", "--abi=cp27mu", "--platform=manylinux1_x86_64",
            ]),
            ("cp313-cp313t-any", ["--python-version", "3.13", "--implementation=cp", "--abi=cp313t", "--platform=any"]),
            ("pp310-pypy310_pp73-macosx_11_0_arm64", [
                "--python-version", "3.10", "--implementation=pp", "--abi=pypy310_pp73", "--platform=macosx_11_0_arm64",
            ]),
            ("py3-none-any", ["--python-version", "3", "--implementation=py", "--abi=none", "--platform=any"]),
            ("cp39-manylinux_2_17_x86_64.manylinux2014_x86_64", [
                "--python-version", "3.9", "--implementation=cp", "--platform=manylinux_2_17_x86_64",
                "--platform=manylinux2014_x86_64",
            ]),
            *((platform, ["--python-version", THIS, f"--platform={platform}"]) for platform in (
                "pyodide_2024_0_wasm32", "emscripten_3_1_58_wasm32", "ios_13_0_arm64_iphoneos", "android_21_arm64_v8a",
                "linux_mips64", "freebsd_13_2_release_amd64", "win_arm32", "mingw_x86_64_ucrt_gnu", "wasi_0_0_0_wasm32",
            )),
        ],
    )  # fmt: skip
    def test_for_any_tag_of_a_wheel(self, tag: str, options: list[str], tmp_path: Path) -> None:
        runner = FakeRunner().on(OWN, PIP)
        path = published_wheel(runner, f"pypi:uv==0.2.35@{tag}", tmp_path, {})
        argv = runner.commands[0].argv
        assert list(argv[argv.index("--python-version") : -1]) == options
        assert published_wheel(FakeRunner(), f"pypi:uv==0.2.35@{tag}", tmp_path, {}) == path

    def test_for_platforms_that_nobody_knows(self, tmp_path: Path) -> None:
        with pytest.raises(InputError, match="'windows-vax' is no platform") as caught:
            published_wheel(FakeRunner(), "pypi:uv==1@windows-vax", tmp_path, {})
        assert "win_amd64" in caught.value.hint
        assert "manylinux-x86_64" in caught.value.hint


class TestAnotherPython:
    """A wheel that is only there for other Pythons than this one."""

    def fetched(self, tmp_path: Path, *wheels: str, spec: str = "pypi:uv==0.2.35@win_amd64") -> list[str]:
        """Options of the second call of pip."""
        runner = FakeRunner().on(OWN, finished(skips(*wheels), stderr=NOTHING_FITS, exit_code=1), saves(wheels[0]))
        published_wheel(runner, spec, tmp_path, {})
        argv = runner.commands[1].argv
        return list(argv[argv.index("--python-version") :])

    def test_is_taken_for_the_newest(self, tmp_path: Path) -> None:
        wheels = (
            "uv-0.2.35-cp36-cp36m-win_amd64.whl", "uv-0.2.35-cp39-cp39-win_amd64.whl",
            "uv-0.2.35-pp310-pypy310_pp73-win_amd64.whl", "uv-0.2.35-cp310-cp310-win32.whl",
            "uv-0.3-cp310-cp310-win_amd64.whl",
        )  # fmt: skip
        assert self.fetched(tmp_path, *wheels) == [
            "--python-version", "3.9", "--implementation=cp", "--abi=cp39", "--platform=win_amd64", "uv==0.2.35",
        ]  # fmt: skip

    @pytest.mark.parametrize(
        ("platform", "tag"),
        [
            ("manylinux-x86_64", "manylinux2010_x86_64"), ("macos-arm64", "macosx_12_0_universal2"),
            ("macos-x86_64", "macosx_10_6_x86_64"), ("windows-x86", "win32"),
        ],
    )  # fmt: skip
    def test_on_every_platform(self, platform: str, tag: str, tmp_path: Path) -> None:
        options = self.fetched(tmp_path, f"uv-0.2.35-cp27-none-{tag}.whl", spec=f"pypi:uv==0.2.35@{platform}")
        assert f"--platform={tag}" in options
        assert options[:2] == ["--python-version", "2.7"]

    def test_without_a_version_the_newest_that_there_is(self, tmp_path: Path) -> None:
        wheels = ("uv-0.10-cp36-cp36m-win_amd64.whl", "uv-0.9-cp37-cp37m-win_amd64.whl")
        assert self.fetched(tmp_path, *wheels, spec="pypi:uv@win_amd64")[-1] == "uv==0.10"

    def test_an_abi_that_pip_does_not_guess_is_found(self, tmp_path: Path) -> None:
        wheels = ("uv-0.2.35-pp37-pypy37_pp73-win_amd64.whl", "uv-0.2.35-cp39-cp39-win_amd64.whl")
        options = self.fetched(tmp_path, *wheels, spec="pypi:uv==0.2.35@pp37-win_amd64")
        assert {"--implementation=pp", "--abi=pypy37_pp73"} < set(options)

    def test_one_that_is_named_is_meant(self, tmp_path: Path) -> None:
        output = skips("uv-0.2.35-cp36-cp36m-win_amd64.whl")
        with pytest.raises(InputError, match=r"uv 0\.2\.35 has no wheel for win-amd64 and cp312"):
            published_wheel(fails(output), "pypi:uv==0.2.35@cp312-win_amd64", tmp_path, {})


class TestTrouble:
    def test_no_such_project(self, tmp_path: Path) -> None:
        said = "Could not fetch URL https://index.test/simple/uv/: 404 Client Error: Not Found for url: … - skipping\n"
        with pytest.raises(InputError, match="there is no project 'uv' on the index"):
            published_wheel(fails(said), PINNED, tmp_path, {})
        assert list((tmp_path / "wheels").iterdir()) == []

    def test_no_such_version(self, tmp_path: Path) -> None:
        stderr = (
            "ERROR: Could not find a version that satisfies the requirement uv==9 (from versions: 0.1, 0.2, 0.3, 1.0)\n"
        )
        with pytest.raises(InputError, match="there is no uv 9") as caught:
            published_wheel(fails(skips(WHEEL), stderr + NOTHING_FITS), "pypi:uv==9", tmp_path, {})
        assert caught.value.hint == "the newest are 0.2, 0.3, 1.0"
        with pytest.raises(InputError, match="there is no uv 9") as caught:
            published_wheel(fails(skips(WHEEL)), "pypi:uv==9", tmp_path, {})
        assert caught.value.hint == "check the version"

    def test_no_wheel_for_the_platform(self, tmp_path: Path) -> None:
        others = ("uv-0.2.35-1-cp312-abi3-win32.whl", "uv-0.1.0-py3-none-any.whl", WHEEL)
        with pytest.raises(InputError, match=r"uv 0\.2\.35\.0 has no wheel for windows-arm64") as caught:
            published_wheel(fails(skips(*others)), "pypi:uv==0.2.35.0@windows_arm64", tmp_path, {})
        assert "after @ write one that has: manylinux_2_17_x86_64, win32" in caught.value.hint
        assert "cp312-abi3, py3-none" in caught.value.hint

    def test_a_version_with_a_local_part_is_written_as_in_addresses(self, tmp_path: Path) -> None:
        with pytest.raises(InputError, match=r"uv 1\+cpu has no wheel for this machine"):
            published_wheel(fails(skips("uv-1%2Bcpu-py3-none-win32.whl")), "pypi:uv==1+cpu", tmp_path, {})

    def test_only_sources(self, tmp_path: Path) -> None:
        said = "  Skipping link: No sources permitted for uv: https://files.test/uv-0.2.35.tar.gz\n"
        with pytest.raises(InputError, match="uv publishes no wheels"):
            published_wheel(fails(said), PINNED, tmp_path, {})

    @pytest.mark.parametrize(
        ("said", "reason"),
        [
            (
                "connection error: HTTPSConnectionPool(host='index.test', port=443): Max retries exceeded with url:"
                " /simple/uv/ (Caused by NewConnectionError('<pip.Connection object at 0x7f>: Failed to establish a new"
                " connection: [Errno 111] Connection refused'))",
                "Failed to establish a new connection: [Errno 111] Connection refused",
            ),
            ("401 Client Error: Unauthorized for url: https://index.test/simple/uv/", "401 Client Error"),
        ],
    )
    def test_an_index_that_cannot_be_reached(self, said: str, reason: str, tmp_path: Path) -> None:
        runner = fails(f"Could not fetch URL https://index.test/simple/uv/: {said} - skipping\n")
        with pytest.raises(MissingError, match="the package index cannot be reached") as caught:
            published_wheel(runner, PINNED, tmp_path, {})
        assert caught.value.what.removeprefix("the package index cannot be reached: ").startswith(reason)

    @pytest.mark.parametrize(
        ("stderr", "reason"),
        [
            ("ERROR: HTTP error 503 while getting https://files.test/uv.whl\nmore\n", "HTTP error 503 while getting"),
            ("Traceback\nReadTimeoutError: Read timed out.\n", "ReadTimeoutError: Read timed out."),
            ("", "exit code 1"),
        ],
    )
    def test_anything_else_is_told_in_pips_words(self, stderr: str, reason: str, tmp_path: Path) -> None:
        with pytest.raises(MissingError, match=f"pip cannot fetch uv 0.2.35: {reason}"):
            published_wheel(fails(stderr=stderr), PINNED, tmp_path, {})
