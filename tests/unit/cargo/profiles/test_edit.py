"""Edits of ``Cargo.toml``: examples of every shape a profile can be written in, then properties."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from textwrap import dedent
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fakes.profiles import BookCargo, effective
from trimtab.cargo.profiles.edit import difference, edit_profile, profiles_in
from trimtab.cargo.profiles.inheritance import with_heirs_kept
from trimtab.errors import InputError
from trimtab.model.profile import CargoValue
from trimtab.system.toml import parse_toml

HEADING = "trimtab 2026-11-29, rustc 1.95.0 (59807616e), x86_64-unknown-linux-gnu, a CPU:"
WHY = (HEADING, "size 5.1 MiB → 4.2 MiB (-17 %)", "check again: trimtab explore")
FAT: Mapping[str, CargoValue] = {"lto": "fat", "codegen-units": 1}
KEPT = "# trimtab: keeps what it had before the profile `release` changed"


def edit(
    text: str,
    settings: Mapping[str, CargoValue] = FAT,
    *,
    name: str = "release",
    comment: Sequence[str] = WHY,
    bench_targets: bool = False,
) -> str:
    """The text as `apply` edits it, after a check that a second edit changes nothing."""
    changes = with_heirs_kept(
        profiles_in(text), name, settings, BookCargo(profiles_in(text)), used=("bench",) if bench_targets else ()
    )
    edited = edit_profile(text, name=name, changes=changes, comment=comment)
    assert edit_profile(edited, name=name, changes=changes, comment=comment) == edited
    return edited


def pinned(text: str, settings: Mapping[str, CargoValue], profile: str, **options: Any) -> dict[str, Any]:
    """What the edit adds to a profile other than the changed one."""
    before = parse_toml(text).get("profile", {}).get(profile, {})
    after = parse_toml(edit(text, settings, **options))["profile"].get(profile, {})
    assert before.items() <= after.items()
    return {key: value for key, value in after.items() if key not in before}


class TestTheChangedProfile:
    def test_is_created_at_the_end(self) -> None:
        assert edit('[package]\nname = "a"\n') == dedent(f"""\
            [package]
            name = "a"

            [profile.release]
            # {HEADING}
            #   size 5.1 MiB → 4.2 MiB (-17 %)
            #   check again: trimtab explore
            lto = "fat"
            codegen-units = 1
            """)

    def test_is_created_behind_the_last_profile(self) -> None:
        text = dedent("""\
            [profile.dev]
            debug = 1
            # opt-level = 1

            # what we need
            [dependencies]
            """)
        assert edit(text, {"lto": "fat"}, comment=WHY[:1]) == dedent(f"""\
            [profile.dev]
            debug = 1
            # opt-level = 1

            [profile.release]
            # {HEADING}
            lto = "fat"

            # what we need
            [dependencies]
            """)

    def test_leaves_the_comment_above_the_next_header_to_it(self) -> None:
        text = "[profile.dev]\ndebug = 1\n# what we need\n[dependencies]\n"
        edited = edit(text, {"lto": "fat"}, comment=())
        assert edited == '[profile.dev]\ndebug = 1\n\n[profile.release]\nlto = "fat"\n# what we need\n[dependencies]\n'

    def test_may_be_the_only_thing_in_the_file(self) -> None:
        assert edit("", {"panic": "abort"}, comment=()) == '[profile.release]\npanic = "abort"\n'

    def test_inherits_from_release_when_it_is_custom_and_new(self) -> None:
        edited = edit("", {"lto": "fat"}, name="dist", comment=WHY[:1])
        assert edited == f'[profile.dist]\ninherits = "release"\n# {HEADING}\nlto = "fat"\n'

    def test_keeps_order_comments_and_spacing(self) -> None:
        text = dedent("""\
            [profile.release]   # what we ship
              opt-level  =  3
              # thin is quick
              lto   = 'thin'   # for now

              debug = 1

            [dependencies]
            """)
        assert edit(text) == dedent(f"""\
            [profile.release]   # what we ship
              opt-level  =  3
              # thin is quick
              # {HEADING}
              #   size 5.1 MiB → 4.2 MiB (-17 %)
              #   check again: trimtab explore
              lto   = "fat"   # for now

              debug = 1
              codegen-units = 1

            [dependencies]
            """)

    def test_takes_a_key_into_an_empty_table(self) -> None:
        text = "[profile.release]\n# nothing yet\n\n[dependencies]\n"
        edited = edit(text, {"strip": "symbols"}, comment=())
        assert edited == '[profile.release]\nstrip = "symbols"\n# nothing yet\n\n[dependencies]\n'

    def test_is_not_confused_by_its_sub_tables(self) -> None:
        text = dedent("""\
            [profile.release]
            opt-level = 3
            package.small.opt-level = "s"

            [profile.release.package.big]
            codegen-units = 4

            [profile.release.build-override]
            opt-level = 0
            """)
        edited = edit(text, {"codegen-units": 1, "opt-level": 2}, comment=())
        assert edited == text.replace("opt-level = 3\n", "opt-level = 2\n").replace(
            'opt-level = "s"\n', 'opt-level = "s"\ncodegen-units = 1\n'
        )

    def test_may_have_nothing_but_sub_tables(self) -> None:
        text = "[profile.release.package.big]\ncodegen-units = 4\n\n[features]\n"
        edited = edit(text, {"codegen-units": 1}, comment=())
        assert edited == (
            "[profile.release.package.big]\ncodegen-units = 4\n\n[profile.release]\ncodegen-units = 1\n\n[features]\n"
        )

    def test_may_be_written_in_dotted_keys(self) -> None:
        text = 'profile.release.lto = true # why\n\n[package]\nname = "a"\n'
        edited = edit(text, {"lto": "thin", "codegen-units": 1}, comment=WHY[:1])
        assert edited == (
            f"# {HEADING}\n"
            'profile.release.lto = "thin" # why\nprofile.release.codegen-units = 1\n\n[package]\nname = "a"\n'
        )

    def test_may_be_written_in_dotted_keys_under_a_profile_table(self) -> None:
        text = "[profile]\n'release'.lto = true\ndev.debug = 1\n"
        edited = edit(text, {"lto": "thin", "strip": "none"}, comment=())
        assert edited == '[profile]\n\'release\'.lto = "thin"\nrelease.strip = "none"\ndev.debug = 1\n'

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("[profile]\nrelease = {lto=true} # why\n", '[profile]\nrelease = {lto="fat", codegen-units = 1} # why\n'),
            ("[profile]\nrelease = {}\n", '[profile]\nrelease = {lto = "fat", codegen-units = 1}\n'),
            ("profile.release = {lto=true}\n", 'profile.release = {lto="fat", codegen-units = 1}\n'),
            ("profile = {release={lto=true}}\n", 'profile = {release={lto="fat", codegen-units = 1}}\n'),
            ("profile = {dev.debug=1}\n", 'profile = {dev.debug=1, release = {lto = "fat", codegen-units = 1}}\n'),
        ],
    )
    def test_may_be_an_inline_table(self, text: str, expected: str) -> None:
        edited = edit(text, comment=WHY[:1])
        # spaces inside the braces are tomlkit's, and differ by its version
        assert edited.replace(f"# {HEADING}\n", "").replace(" ", "") == expected.replace(" ", "")

    def test_is_told_from_text_that_looks_like_it(self) -> None:
        text = dedent('''\
            [package]
            description = """
            [profile.release]
            lto = "thin"
            """
            exclude = [
              "a", # lto = true
              # [profile.release]
            ]
            ''')
        assert edit(text, {"lto": "fat"}, comment=()) == text + '\n[profile.release]\nlto = "fat"\n'

    def test_says_the_type_that_was_asked_for(self) -> None:
        assert edit("[profile.release]\ndebug = true\n", {"debug": 1}, comment=()) == "[profile.release]\ndebug = 1\n"


class TestBytesThatAreNotOurs:
    def test_windows_line_ends(self) -> None:
        edited = edit('[profile.release]\r\nlto = "thin" # why\r\n\r\n[features]\r\n', comment=WHY[:1])
        assert edited == (
            f'[profile.release]\r\n# {HEADING}\r\nlto = "fat" # why\r\ncodegen-units = 1\r\n\r\n[features]\r\n'
        )

    def test_no_newline_at_the_end(self) -> None:
        assert edit("[profile.release]\nlto = true", {"strip": "none"}, comment=()) == (
            '[profile.release]\nlto = true\nstrip = "none"'
        )

    def test_byte_order_mark(self) -> None:
        assert edit("\ufeff[features]\n", {"lto": "fat"}, comment=()) == (
            '\ufeff[features]\n\n[profile.release]\nlto = "fat"\n'
        )

    def test_nothing_is_asked_for(self) -> None:
        assert edit_profile("not = [even, toml", name="release", changes={}, comment=()) == "not = [even, toml"


class TestTheComment:
    def test_replaces_the_earlier_one(self) -> None:
        text = "[profile.release]\nopt-level = 3\nlto = true\n"
        first = edit(text, {"lto": "thin"}, comment=(HEADING, "size 2 MiB → 1 MiB", "build 1 s → 2 s", *WHY[2:]))
        second = edit(first, {"opt-level": 2, "lto": "fat"}, comment=WHY[:1])
        assert second == f'[profile.release]\n# {HEADING}\nopt-level = 2\nlto = "fat"\n'

    def test_leaves_what_people_wrote_around_it_and_into_it(self) -> None:
        text = dedent(f"""\
            [profile.release]
            # before
            # {HEADING}
            #   size 2 MiB → 1 MiB
            #   ask Ann before changing this
            #   check again: trimtab explore
            #   after
            lto = "thin"
            """)
        edited = edit(text, {"lto": "fat"}, comment=WHY[:1])
        assert edited == (
            f'[profile.release]\n# before\n#   ask Ann before changing this\n#   after\n# {HEADING}\nlto = "fat"\n'
        )

    @pytest.mark.parametrize(
        "line",
        [
            "# trimtab suggested thin here, but our builders have 1 GB",
            "# trimtab: see docs/release.md",
            "# trimtab: keeps what it had before the profile `release` changed; so says Ann",
            "# trimtab 2026-11-29 was a good day:",
        ],
    )
    def test_leaves_what_people_wrote_about_trimtab(self, line: str) -> None:
        text = f"[profile.release]\n{line}\n#   size 2 MiB → 1 MiB\nlto = false\n"
        assert edit(text, {"lto": "fat"}, comment=()) == text.replace("false", '"fat"')

    def test_is_replaced_even_where_its_key_is_gone(self) -> None:
        text = f"[profile.release]\ndebug = 1\n# {HEADING}\n\n[features]\n"
        edited = edit(text, {"lto": "fat"}, comment=WHY[:1])
        assert edited == f'[profile.release]\ndebug = 1\n# {HEADING}\nlto = "fat"\n\n[features]\n'

    def test_about_another_profile_stays(self) -> None:
        both = edit(edit("", name="dist"), name="release", comment=(HEADING, "size 2 MiB → 1 MiB"))
        assert f"# {HEADING}\n#   size 5.1 MiB → 4.2 MiB (-17 %)\n" in both
        assert f"# {HEADING}\n#   size 2 MiB → 1 MiB\n" in both

    def test_is_kept_on_its_own_lines(self) -> None:
        edited = edit("", {"lto": "fat"}, comment=(HEADING, "a\nb → b", "", "c\td → d"))
        assert edited == f'[profile.release]\n# {HEADING}\n#   a b → b\n#   c d → d\nlto = "fat"\n'


class TestProfilesThatInherit:
    def test_keep_what_they_had(self) -> None:
        text = dedent("""\
            [profile.release]
            lto = "thin"

            [profile.profiling]
            inherits = "release"
            debug = 1

            # cargo-dist
            [profile.dist]
            inherits = "release"
            lto = false
            """)
        assert edit(text) == dedent(f"""\
            [profile.release]
            # {HEADING}
            #   size 5.1 MiB → 4.2 MiB (-17 %)
            #   check again: trimtab explore
            lto = "fat"
            codegen-units = 1

            [profile.profiling]
            inherits = "release"
            debug = 1
            {KEPT}
            lto = "thin"
            codegen-units = 16

            # cargo-dist
            [profile.dist]
            inherits = "release"
            lto = false
            {KEPT}
            codegen-units = 16
            """)

    def test_keep_it_whichever_way_they_are_written(self) -> None:
        text = '[profile]\ndist = {lto = true, inherits = "release"} # d\nslow.inherits = "release"\n'
        edited = edit(text, {"codegen-units": 1}, comment=())
        assert edited == dedent(f"""\
            [profile]
            {KEPT}
            dist = {{lto = true, inherits = "release", codegen-units = 16}} # d
            slow.inherits = "release"
            {KEPT}
            slow.codegen-units = 16

            [profile.release]
            codegen-units = 1
            """)

    def test_share_one_comment_when_more_is_pinned_later(self) -> None:
        first = edit('[profile.dist]\ninherits = "release"\n', {"lto": "fat"})
        second = edit(first, {"codegen-units": 1})
        assert second.startswith(
            f'[profile.dist]\ninherits = "release"\n{KEPT}\nlto = false\ncodegen-units = 16\n\n[profile.release]\n'
        )

    def test_lose_the_comment_on_a_pin_that_is_changed_itself(self) -> None:
        first = edit('[profile.dist]\ninherits = "release"\n', {"lto": "fat"})
        second = edit(first, {"lto": "thin"}, name="dist", comment=WHY[:1])
        assert second.startswith(f'[profile.dist]\ninherits = "release"\n# {HEADING}\nlto = "thin"\n')

    def test_keep_the_comment_on_a_pin_that_stays(self) -> None:
        first = edit('[profile.dist]\ninherits = "release"\n', {"lto": "fat"})
        second = edit(first, {"panic": "abort"}, name="dist", comment=WHY[:1])
        assert f'{KEPT}\nlto = false\n# {HEADING}\npanic = "abort"\n' in second

    def test_need_nothing_when_the_value_is_the_same_in_another_spelling(self) -> None:
        text = '[profile.release]\nlto = true\nstrip = true\n[profile.dist]\ninherits = "release"\n'
        assert pinned(text, {"lto": "fat", "strip": "symbols", "opt-level": "3", "debug": "none"}, "dist") == {}

    def test_keep_what_came_from_further_up(self) -> None:
        text = dedent("""\
            [profile.release]
            lto = "thin"
            [profile.dist]
            inherits = "release"
            [profile.big]
            inherits = "dist"
            [profile.huge]
            inherits = "big"
            """)
        assert pinned(text, FAT, "big", name="dist") == {"lto": "thin", "codegen-units": 16}
        assert pinned(text, FAT, "huge", name="dist") == {}

    def test_that_inherit_from_dev_are_left_alone(self) -> None:
        assert pinned('[profile.quick]\ninherits = "dev"\n[profile.test]\nopt-level = 1\n', FAT, "quick") == {}

    def test_bench_is_kept_if_it_is_there_or_used(self) -> None:
        assert pinned("", FAT, "bench") == {}
        assert pinned("", FAT, "bench", bench_targets=True) == {"lto": False, "codegen-units": 16}
        assert pinned("[profile.bench]\nlto = true\n", FAT, "bench") == {"codegen-units": 16}
        assert pinned("", FAT, "bench", name="dist", bench_targets=True) == {}

    def test_bench_may_inherit_from_another_profile(self) -> None:
        text = '[profile.dist]\ninherits = "release"\n[profile.bench]\ninherits = "dist"\n'
        assert pinned(text, FAT, "bench", name="dist") == {"lto": False, "codegen-units": 16}

    def test_bench_is_never_given_panic_which_cargo_ignores_there(self) -> None:
        text = '[profile.criterion]\ninherits = "bench"\n'
        assert pinned(text, {"panic": "abort"}, "bench", bench_targets=True) == {}
        assert pinned(text, {"panic": "abort"}, "criterion") == {"panic": "unwind"}

    def test_incremental_builds_have_more_codegen_units(self) -> None:
        text = '[profile.edit]\ninherits = "release"\nincremental = true\n'
        assert pinned(text, FAT, "edit") == {"lto": False, "codegen-units": 256}

    @pytest.mark.parametrize(
        ("release", "settings", "dist", "expected"),
        [
            ("", {"strip": "symbols"}, "", {"strip": "debuginfo"}),
            ("", {"strip": "symbols"}, "debug = 1", {"strip": "none"}),
            ("", {"strip": "debuginfo"}, "", {}),
            ("", {"strip": "debuginfo"}, 'debug = "limited"', {"strip": "none"}),
            ("strip = true", {"strip": "none"}, "", {"strip": "symbols"}),
            ("", {"debug": 1}, "", {"debug": "none"}),
            ("debug = 1", {"debug": False}, "", {"debug": "limited"}),
            ("", {"debug": 1, "strip": "none"}, "", {"debug": "none", "strip": "debuginfo"}),
            ("", {"debug": 1}, "debug = 0", {}),
        ],
    )
    def test_keep_what_is_stripped(
        self, release: str, settings: dict[str, CargoValue], dist: str, expected: dict[str, CargoValue]
    ) -> None:
        text = f'[profile.release]\n{release}\n[profile.dist]\ninherits = "release"\n{dist}\n'
        assert pinned(text, settings, "dist") == expected

    def test_a_pin_of_strip_does_not_reach_a_grandchild_with_debug_information(self) -> None:
        text = '[profile.dist]\ninherits = "release"\n[profile.profiling]\ninherits = "dist"\ndebug = 1\n'
        assert pinned(text, {"strip": "symbols"}, "dist") == {"strip": "debuginfo"}
        assert pinned(text, {"strip": "symbols"}, "profiling") == {"strip": "none"}


class TestRefusals:
    @pytest.mark.parametrize(
        ("text", "what"),
        [
            ("[profile.release", "this is not TOML"),
            ("profile = 1\n", "profile is not a table"),
            ("[profile]\nrelease = 3\n", "profile.release is not a table"),
            ("[[profile.release]]\nlto = true\n", "profile.release is not a table"),
            ("[profile.dist]\ninherits = 1\n", "profile.dist.inherits is not a name"),
            ('[profile.a]\ninherits = "b"\n[profile.b]\ninherits = "a"\n', "the profiles a, b inherit in a circle"),
        ],
    )
    def test_a_manifest_that_cargo_would_refuse_too(self, text: str, what: str) -> None:
        with pytest.raises(InputError, match=re.escape(what)) as caught:
            edit(text)
        assert len(caught.value.lines()) == 3

    def test_a_shape_that_cannot_be_edited(self) -> None:
        with pytest.raises(InputError) as caught:
            edit("[profile.release.strip]\nodd = 1\n", {"strip": "symbols"})
        assert caught.value.hint == 'write it by hand: [profile.release] strip = "symbols"'

    @pytest.mark.parametrize("spoiled", ["", "[features]\n", '[profile.release]\nlto = "thin"\n'])
    def test_an_editor_that_goes_wrong(self, monkeypatch: pytest.MonkeyPatch, spoiled: str) -> None:
        monkeypatch.setattr("tomlkit.dumps", lambda _: spoiled)
        with pytest.raises(InputError, match="without touching other lines"):
            edit("[profile.release]\nlto = true\n", {"lto": "fat"})


TOML_1_1 = """\
[profile]
release = {
  lto = "thin",
  debug = 1, # kept for backtraces
}
dist = { inherits = "release", }
"""


def test_toml_1_1_is_edited_in_place() -> None:
    edited = edit(TOML_1_1, {"lto": "fat", "codegen-units": 1}, comment=())
    assert profiles_in(edited)["release"] == {"lto": "fat", "debug": 1, "codegen-units": 1}
    assert profiles_in(edited)["dist"] == {"inherits": "release", "lto": "thin", "codegen-units": 16}
    assert "# kept for backtraces" in edited


class TestTheDifference:
    def test_is_a_unified_diff(self) -> None:
        before = "[profile.release]\nlto = true\n"
        assert difference(before, edit(before, {"lto": "thin"}, comment=()), "Cargo.toml") == dedent("""\
            --- a/Cargo.toml
            +++ b/Cargo.toml
            @@ -1,2 +1,2 @@
             [profile.release]
            -lto = true
            +lto = "thin"
            """)

    def test_is_empty_without_one(self) -> None:
        assert difference("a = 1\n", "a = 1\n", "Cargo.toml") == ""

    def test_tells_a_missing_newline(self) -> None:
        assert difference("a = 1", "a = 1\n", "f").endswith("-a = 1\n\\ No newline at end of file\n+a = 1\n")


# --- properties ---

VALUES: dict[str, list[CargoValue]] = {
    "lto": [False, True, "off", "thin", "fat"],
    "codegen-units": [1, 4, 16],
    "opt-level": [0, 2, 3, "s", "z"],
    "panic": ["unwind", "abort"],
    "strip": ["none", "debuginfo", "symbols", True, False],
    "debug": [False, True, 0, 1, 2, "none", "line-tables-only"],
}
NOISE = st.sampled_from(["", "", "# note", "  # lto = true", "# [profile.release]", "#   deep", "# é \u2028 ü"])
some_settings = st.lists(st.sampled_from(sorted(VALUES)), unique=True).flatmap(
    lambda keys: st.fixed_dictionaries({key: st.sampled_from(VALUES[key]) for key in keys})
)


@st.composite
def profiles(draw: st.DrawFn) -> dict[str, dict[str, CargoValue]]:
    """Profiles that inherit from each other without a circle."""
    table: dict[str, dict[str, CargoValue]] = {}
    for name in draw(st.permutations(["release", "dev", "bench", "test", "dist", "profiling", "small"])):
        if draw(st.booleans()):
            table[name] = dict(draw(some_settings))
            if name in ("bench", "test"):
                table[name].pop("panic", None)
    custom = [name for name in table if name in ("dist", "profiling", "small")]
    for index, name in enumerate(custom):
        parents = ["release", "release", "dev", "bench", *custom[:index]]
        table[name] = {"inherits": draw(st.sampled_from(parents)), **table[name]}
    return dict(draw(st.permutations(list(table.items()))))


def literal(value: CargoValue) -> str:
    return str(value).lower() if isinstance(value, bool) else repr(value)


@st.composite
def manifests(draw: st.DrawFn) -> str:
    """A ``Cargo.toml`` whose profiles are sections, inline tables or dotted keys, with noise between the lines."""
    sections, rooted, nested = [], [], []
    for name, values in draw(profiles()).items():
        pairs = [f"{key} = {literal(value)}" for key, value in values.items()]
        shape = draw(st.sampled_from(["section", "section", "inline", "dotted"]))
        if shape == "section":
            sections.append([f"[profile.{name}]", *pairs])
            if draw(st.booleans()):
                sections.append([f"[profile.{name}.package.big]", "opt-level = 1"])
        elif shape == "inline":
            nested.append(f"{name} = {{ {', '.join(pairs)} }}" if pairs else f"{name} = {{}}")
        else:
            nested += [f"{name}.{pair}" for pair in pairs]
    if draw(st.booleans()):
        rooted = [f"profile.{line}" for line in nested]
    elif nested:
        sections.append(["[profile]", *nested])
    sections += [["[package]", 'name = "a"', "keywords = [", '  "lto = true", # x', "]"], ["[features]"]]
    lines = [*rooted, *(line for section in draw(st.permutations(sections)) for line in section)]
    noisy = []
    for line in lines:
        noisy += draw(st.lists(NOISE, max_size=2))
        noisy.append(draw(st.sampled_from(["", "", "  "])) + line + draw(st.sampled_from(["", "", " ", "  # why"])))
    newline = draw(st.sampled_from(["\n", "\n", "\r\n"]))
    mark, end = draw(st.sampled_from(["", "", "\ufeff"])), draw(st.sampled_from(["", newline, newline * 3]))
    return mark + newline.join(noisy) + end


def lines_with_owners(text: str) -> list[tuple[str, str, str]]:
    """Each line that is not blank, with the profile and key that it sets, for text without traps."""
    header, owned = "", []
    for line in text.removeprefix("\ufeff").split("\n"):
        code = line.strip()
        if code.startswith("["):
            header = re.sub(r"\].*", "", code.strip("["))
        path = [*filter(None, header.split(".")), *code.partition("=")[0].strip().split(".")]
        is_setting = "=" in code and not code.startswith("#") and path[0] == "profile" and "package" not in path
        if code:
            owned.append((line, path[1] if is_setting else "", path[2] if is_setting and len(path) > 2 else ""))
    return owned


edits = st.fixed_dictionaries(
    {
        "name": st.sampled_from(["release", "release", "dist", "new"]),
        "settings": some_settings.filter(bool),
        "comment": st.sampled_from([(), (HEADING,), (HEADING, "1 → 2", "3 → 4")]),
        "bench_targets": st.booleans(),
    }
)


@given(manifests(), edits)
def test_no_line_is_touched_that_sets_none_of_the_changed_keys(text: str, arguments: dict[str, Any]) -> None:
    edited = edit(text, **arguments)
    before, after = profiles_in(text), profiles_in(edited)
    changed = {
        (name, key)
        for name, values in after.items()
        for key, value in values.items()
        if name not in before or key not in before[name] or repr(before[name][key]) != repr(value)
    }
    inline = {(name, "") for name, _ in changed}

    def others(lines: list[tuple[str, str, str]]) -> list[str]:
        return [
            line.rstrip("\r").removeprefix("\ufeff")
            for line, name, key in lines
            if (name, key) not in changed and (not name or (name, key) not in inline)
        ]

    was = others(lines_with_owners(text))
    block = [f"#   {line}" if number else f"# {line}" for number, line in enumerate(arguments["comment"])]
    new_headers = [f"[profile.{name}]" for name in after if f"[profile.{name}]" not in text.replace("# [", "")]
    ours = {KEPT.replace("release", arguments["name"]), *block, *new_headers}
    assert [line for line in others(lines_with_owners(edited)) if line.strip() not in ours] == was
    assert ("\r\n" in edited) == ("\r\n" in text) or "\n" not in text
    assert edited.count("\r\n") in (0, edited.count("\n"))


@given(manifests(), edits, edits)
def test_later_edits_leave_one_comment_on_a_profile(text: str, one: dict[str, Any], other: dict[str, Any]) -> None:
    edited = edit(edit(text, **one), **{**other, "name": one["name"]})
    assert edited.count(f"# {HEADING}") == (1 if other["comment"] else 0)


@given(manifests(), edits)
def test_every_other_profile_keeps_what_it_had(text: str, arguments: dict[str, Any]) -> None:
    name, settings = arguments["name"], arguments["settings"]
    before, after = profiles_in(text), profiles_in(edit(text, **arguments))
    others = {"dev", *before, *(["bench"] if arguments["bench_targets"] else [])} - {name}
    for other in others:
        kept, was = effective(after, other), effective(before, other)
        if other in ("bench", "test"):
            kept = replace(kept, panic=was.panic)
        assert kept == was, other
    assert after[name].items() >= settings.items()
    assert {key for key in after[name] if key not in before.get(name, {"inherits": ""})} <= settings.keys()
