"""What Cargo says: rustc calls, executables, and why a build failed. Texts as cargo 1.95 prints them."""

from __future__ import annotations

import json
from pathlib import Path
from textwrap import dedent

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trimtab.cargo.messages import executables, failure, invocations, rebuilt
from trimtab.model.trial import BuildFailed, Cause, Status

CALL = (
    "/home/ann/.rustup/toolchains/stable/bin/rustc --crate-name my_app --edition=2021 app/src/main.rs"
    " --error-format=json --json=diagnostic-rendered-ansi,artifacts,future-incompat --crate-type bin"
    " --emit=dep-info,link -C opt-level=3 -C lto=thin --check-cfg 'cfg(docsrs,test)' --check-cfg"
    " 'cfg(feature, values())' -C metadata=0a1e740965b0b915 -C extra-filename=-13e0b386c0d5577d --out-dir"
    " /home/ann/.cache/trimtab/0/target/release/deps -C strip=debuginfo"
)
BEFORE = f"""\
   Compiling dep v0.1.0 (/home/ann/my-app/dep)
   Compiling my-app v0.1.0 (/home/ann/my-app/app)
     Running `{CALL}`
"""


def after(status: str) -> str:
    return f"""\
error: could not compile `my-app` (bin "my-app") due to 1 previous error

Caused by:
  process didn't exit successfully: `{CALL}` ({status})
"""


TEXTS = {
    "a type error": (
        """\
        error[E0308]: mismatched types
         --> app/src/main.rs:1:20
          |
        1 | fn main(){let x:u8="a";}
          |                 -- ^^^ expected `u8`, found `&str`

        For more information about this error, try `rustc --explain E0308`.
        """,
        after("exit status: 1"),
        Cause.COMPILER,
        "error[E0308]: mismatched types",
    ),
    "an error without a code": (
        "error: cannot find macro `printn` in this scope\n",
        after("exit status: 1"),
        Cause.COMPILER,
        "cannot find macro `printn` in this scope",
    ),
    "the compiler crashed": (
        "",
        after("signal: 11, SIGSEGV: invalid memory reference").replace(" due to 1 previous error", ""),
        Cause.COMPILER,
        "signal: 11, SIGSEGV",
    ),
    "an undefined symbol": (
        """\
        error: linking with `cc` failed: exit status: 1
          |
          = note:  "cc" "-m64" "<20 object files omitted>" "-Wl,--as-needed"
          = note: rust-lld: error: undefined symbol: nothere
                  >>> referenced by my_app.e34eebadeff45512-cgu.0
                  collect2: error: ld returned 1 exit status

        """,
        after("exit status: 1"),
        Cause.LINKER,
        "linking with `cc` failed: exit status: 1",
    ),
    "no linker": (
        """\
        error: linker `cc` not found
          |
          = note: No such file or directory (os error 2)

        """,
        after("exit status: 1"),
        Cause.LINKER,
        "linker `cc` not found",
    ),
    "a build script": (
        """\
        error: failed to run custom build command for `openssl-sys v0.9.109`

        Caused by:
          process didn't exit successfully: `/home/ann/.cache/trimtab/0/target/x/main` (exit status: 101)
          --- stderr
          thread 'main' panicked at build/find_normal.rs:191:5:
          Could not find directory of OpenSSL installation
        """,
        "",
        Cause.BUILD_SCRIPT,
        "failed to run custom build command for `openssl-sys v0.9.109`",
    ),
    "an allocation failed": (
        "memory allocation of 1073741824 bytes failed\n",
        after("signal: 6, SIGABRT: process abort signal"),
        Cause.OUT_OF_MEMORY,
        "memory allocation of 1073741824 bytes failed",
    ),
    "LLVM has no memory": (
        "rustc-LLVM ERROR: out of memory\nAllocation failed\n",
        after("signal: 6, SIGABRT: process abort signal"),
        Cause.OUT_OF_MEMORY,
        "rustc-LLVM ERROR: out of memory",
    ),
    "the linker has no memory": (
        """\
        error: linking with `cc` failed: exit status: 1
          = note: /usr/bin/ld: final link failed: memory exhausted
        """,
        after("exit status: 1"),
        Cause.OUT_OF_MEMORY,
        "memory exhausted",
    ),
    "rustc was killed": (
        "",
        after("signal: 9, SIGKILL: kill").replace(" due to 1 previous error", ""),
        Cause.KILLED,
        "signal: 9, SIGKILL",
    ),
    "the linker was killed": (
        """\
        error: linking with `cc` failed: exit status: 1
          = note: collect2: fatal error: ld terminated with signal 9 [Killed]
                  compilation terminated.
        """,
        after("exit status: 1"),
        Cause.KILLED,
        "ld terminated with signal 9",
    ),
    "the disk is full": (
        """\
        error: failed to write /home/ann/.cache/trimtab/0/libdep.rmeta: No space left on device (os error 28)
        """,
        after("exit status: 1"),
        Cause.DISK_FULL,
        "No space left on device",
    ),
    "the linker's disk is full": (
        """\
        error: linking with `cc` failed: exit status: 1
          = note: /usr/bin/ld: final link failed: No space left on device
                  collect2: error: ld returned 1 exit status
        """,
        after("exit status: 1"),
        Cause.DISK_FULL,
        "No space left on device",
    ),
    "a full disk looks like a bus error": (
        """\
        error: linking with `cc` failed: exit status: 1
          = note: collect2: fatal error: ld terminated with signal 7 [Bus error], core dumped
        """,
        after("exit status: 1"),
        Cause.DISK_FULL,
        "ld terminated with signal 7",
    ),
    "a stale lock file": (
        """\
        error: cannot update the lock file /home/ann/my-app/Cargo.lock because --frozen was passed to prevent this
        help: to generate the lock file without accessing the network, remove the --frozen flag
        """,
        "",
        Cause.CARGO,
        "cannot update the lock file /home/ann/my-app/Cargo.lock because --frozen was passed to prevent this",
    ),
    "a missing download": (
        """\
        error: failed to download `bitflags v2.9.0`

        Caused by:
          attempting to make an HTTP request, but --frozen was specified
        """,
        "",
        Cause.CARGO,
        "failed to download `bitflags v2.9.0`",
    ),
}


def fail(text: str, exit_code: int = 101, **how: bool) -> BuildFailed:
    return failure(text, exit_code, timed_out=how.get("timed_out", False), oom_killed=how.get("oom", False), wall=61.5)


@pytest.mark.parametrize("name", TEXTS)
def test_causes(name: str) -> None:
    text, end, cause, message = TEXTS[name]
    found = fail(BEFORE + dedent(text) + end)
    assert found.cause is cause
    assert message in found.message
    assert CALL[:60] not in found.message
    assert not found.message.startswith(("error: ", "="))
    assert found.wall == 61.5


@pytest.mark.parametrize("name", TEXTS)
def test_the_last_words_are_kept_without_the_calls(name: str) -> None:
    text, end, _, _ = TEXTS[name]
    found = fail(BEFORE + dedent(text) + end)
    assert 0 < len(found.log) <= 30
    assert not any("Running `" in line or "Compiling " in line for line in found.log)
    assert all(line.strip() for line in found.log)


def test_a_time_out_comes_before_what_the_killed_build_said() -> None:
    found = fail(BEFORE + after("signal: 9, SIGKILL: kill"), -9, timed_out=True)
    assert (found.cause, found.message) == (Cause.TIMEOUT, "stopped after 62 s")
    assert found.cause.status is Status.TIMEOUT


@pytest.mark.parametrize(
    ("stderr", "exit_code"),
    [
        (after("signal: 9, SIGKILL: kill"), 101),
        ("  = note: collect2: fatal error: ld terminated with signal 9 [Killed]\n" + after("exit status: 1"), 101),
        ("", -9),
        ("  cc1plus: fatal error: Killed signal terminated program cc1plus\n" + after("exit status: 101"), 101),
        ("  clang: error: unable to execute command: Killed\n" + after("exit status: 101"), 101),
    ],
    ids=["rustc", "linker", "cargo", "gcc", "clang"],
)
def test_the_kernel_known_to_have_killed_for_memory_comes_before_the_signal(stderr: str, exit_code: int) -> None:
    found = fail(BEFORE + stderr, exit_code, oom=True)
    assert found.cause is Cause.OUT_OF_MEMORY
    assert found.cause.status is Status.OOM


def test_the_package_whose_build_script_ran_what_was_killed_is_named() -> None:
    said = "error: failed to run custom build command for `zstd-sys v2.0.9`\n\nCaused by:\n  gcc: Killed signal"
    found = fail(BEFORE + said, 101, oom=True)
    assert found.message == "the kernel killed what the build script of zstd-sys v2.0.9 ran for want of memory"


def test_a_kill_for_memory_elsewhere_does_not_explain_a_compiler_error() -> None:
    assert fail("error[E0308]: mismatched types\n" + after("exit status: 1"), oom=True).cause is Cause.COMPILER


@pytest.mark.parametrize(("exit_code", "cause"), [(-9, Cause.KILLED), (-15, Cause.KILLED), (101, Cause.CARGO)])
def test_silence(exit_code: int, cause: Cause) -> None:
    found = fail(BEFORE, exit_code)
    assert found.cause is cause
    assert found.message == f"cargo ended with exit code {exit_code}"
    assert found.log == ()


@pytest.mark.parametrize(
    ("cause", "status", "passing"),
    [
        (Cause.COMPILER, Status.FAILED, False),
        (Cause.LINKER, Status.FAILED, False),
        (Cause.BUILD_SCRIPT, Status.FAILED, False),
        (Cause.CARGO, Status.FAILED, False),
        (Cause.OUT_OF_MEMORY, Status.OOM, False),
        (Cause.TIMEOUT, Status.TIMEOUT, False),
        (Cause.DISK_FULL, Status.FAILED, True),
        (Cause.KILLED, Status.FAILED, True),
    ],
)
def test_only_what_lies_in_the_moment_is_tried_again(cause: Cause, status: Status, *, passing: bool) -> None:
    assert (cause.status, cause.passing) == (status, passing)


@given(st.text(), st.integers(-64, 255), st.booleans(), st.booleans())
def test_any_words_give_a_cause_and_a_short_message(text: str, exit_code: int, timed_out: bool, oom: bool) -> None:
    found = fail(text, exit_code, timed_out=timed_out, oom=oom)
    assert 0 < len(found.message) <= 300
    assert "\n" not in found.message


def test_calls_of_rustc_are_read_in_order_and_build_scripts_left_out() -> None:
    stderr = dedent("""\
           Compiling dep v0.1.0
             Running `CARGO_PKG_DESCRIPTION='it'\\''s' rustc --crate-name dep --crate-type lib -C opt-level=3`
             Running `/target/release/build/my-app-f67caa756268a74c/build-script-build`
             Running `rustc --crate-name my_app --check-cfg 'cfg(feature, values("a b"))' --crate-type bin`
             Running `rustc --crate-name broken 'unclosed`
            Finished `release` profile [optimized] target(s) in 3.25s
        """)
    found = invocations(stderr)
    assert [one.crate for one in found] == ["dep", "my_app"]
    assert found[0].arguments == ("--crate-type", "lib", "-C", "opt-level=3")
    assert 'cfg(feature, values("a b"))' in found[1].arguments


def message(name: str, **rest: object) -> str:
    return json.dumps({"reason": "compiler-artifact", "target": {"name": name}, "executable": None, **rest})


def test_executables_are_found_among_other_output() -> None:
    stdout = "\n".join(
        [
            "hello from a procedural macro",
            "{not json",
            "[]",
            message("dep", fresh=True),
            message("my-app", executable="/target/release/my-app", fresh=True),
            '{"reason":"build-finished","success":true}',
        ]
    )
    assert executables(stdout) == {"my-app": Path("/target/release/my-app")}
    assert not rebuilt(stdout)
    assert rebuilt(stdout + "\n" + message("dep", fresh=False))


def test_the_error_of_a_program_around_cargo_is_named() -> None:
    said = "Error: Failed to find zig\nCaused by:\n    cannot find binary path\nStack backtrace:\n   0: <unknown>\n"
    found = failure(said, 1, timed_out=False, oom_killed=False, wall=1.0)
    assert found.message == "Error: Failed to find zig"
