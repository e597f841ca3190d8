"""Edits of the profiles in a workspace's ``Cargo.toml``, from text to text; nothing is read or written here.

Three steps, each checkable on its own:

1. **Compare** on plain dictionaries: the changes (from `inheritance.py`) with what is written already.
2. **Write** the difference. The text is cut into statements (whole lines: one header, one key with its value, one
   comment or one blank line). Only the statement that holds a changed key is handed to tomlkit, and new lines are put
   between statements; so no other byte can change.
3. **Verify** the result against the changes with another TOML parser, and that every line that is not ours is still
   there.

Source: TOML 1.1, for where a key may stand.
"""

from __future__ import annotations

import copy
import difflib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from trimtab.cargo.profiles.inheritance import Profiles, changed_settings
from trimtab.errors import InputError
from trimtab.model.profile import CargoValue
from trimtab.system.toml import parse_toml

Key = tuple[str, ...]
"""A key's full path from the root of the document, such as ``("profile", "release", "lto")``."""

_BYTE_ORDER_MARK = "\ufeff"
_HEADING = re.compile(r"# trimtab \d{4}-\d\d-\d\d, rustc .+:")
"""First line of a comment of ours."""
_CONTINUATION = "#   "
_REASON = re.compile(r"#   .*→.*")
_LAST = "#   check again: "
_KEPT = "# trimtab: keeps what it had before the profile `{}` changed"
_ANY_KEPT = re.compile(re.escape(_KEPT).replace(r"\{\}", r"[\w-]+"))


def edit_profile(
    text: str, *, name: str, changes: Mapping[str, Mapping[str, CargoValue]], comment: Sequence[str]
) -> str:
    """The manifest with profiles changed; equal arguments on the result change nothing more.

    Args:
        text: the root ``Cargo.toml`` of a workspace, its line ends untranslated.
        name: the profile that the change is about. Settings of the others, which keep them as they were, get a comment
            that says so.
        changes: profile → Cargo key → value; profiles that are absent are created. Without any setting of the profile
            itself, the text stays as it is.
        comment: why, as `manifest_comment` has it; put directly above the first of the settings in place of an earlier
            such block.

    Raises:
        InputError: the text is not TOML or its profiles are not tables, or it is written in a way that cannot be edited
            faithfully; the hint says what to write by hand.
    """
    from tomlkit.exceptions import TOMLKitError

    settings = changes.get(name)
    if not settings:
        return text
    mark = _BYTE_ORDER_MARK if text.startswith(_BYTE_ORDER_MARK) else ""
    body = text.removeprefix(mark)
    newline = "\r\n" if "\r\n" in body else "\n"
    missing = newline if body and not body.endswith("\n") else ""
    document = _parse(body)
    profiles = _profiles_of(document)
    new = changed_settings(profiles, changes)
    planned = copy.deepcopy(profiles)
    for profile, values in new.items():
        planned.setdefault(profile, {}).update(values)
    try:
        before = _split(body + missing)
        edited = _write(before, new, name=name, settings=settings, comment=comment, newline=newline)
    except TOMLKitError as error:
        raise _by_hand(new) from error
    if not (_says(edited, {**document, "profile": planned}) and _keeps(before, edited, name, settings, new)):
        raise _by_hand(new)
    return mark + edited.removesuffix(missing)


def difference(before: str, after: str, path: str) -> str:
    """The unified diff of a file's text, empty when nothing changed."""
    lines = difflib.unified_diff(_lines(before), _lines(after), f"a/{path}", f"b/{path}")
    return "".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines)


def _lines(text: str) -> list[str]:
    """Lines with their ends; unlike ``splitlines``, only where TOML ends a line."""
    return [line for line in re.split(r"(?<=\n)", text) if line]


# --- read ---


def _parse(text: str) -> dict[str, Any]:
    try:
        return parse_toml(text)
    except ValueError as error:
        raise InputError(f"this is not TOML: {error}", where="Cargo.toml", hint="correct it and try again") from error


def profiles_in(text: str) -> Profiles:
    """The ``[profile]`` table of a manifest.

    Raises:
        InputError: the text is not TOML, or its profiles are not tables.
    """
    return _profiles_of(_parse(text))


def _profiles_of(document: Mapping[str, Any]) -> Profiles:
    profiles = document.get("profile", {})
    if not isinstance(profiles, dict):
        raise _not_a("table", "profile")
    for name, profile in profiles.items():
        if not isinstance(profile, dict):
            raise _not_a("table", f"profile.{name}")
        if not isinstance(profile.get("inherits", ""), str):
            raise _not_a("name", f"profile.{name}.inherits")
    return profiles


# --- write: text to text ---


@dataclass(frozen=True, kw_only=True, slots=True)
class _Statement:
    """Whole lines of the file: one header, one key with its value, one comment or one blank line."""

    text: str
    table: Key
    """The header it stands under, or its own."""
    key: Key = ()
    """Full path of the key that it defines; empty for comments and blank lines."""

    @property
    def is_header(self) -> bool:
        return bool(self.key) and self.key == self.table

    @property
    def is_comment(self) -> bool:
        return self.text.lstrip().startswith("#")

    @property
    def indent(self) -> str:
        return self.text[: len(self.text) - len(self.text.lstrip(" \t"))]

    def holds(self, key: Key) -> bool:
        """Whether the key's value is written here: as this statement's own, or in its inline table."""
        return bool(self.key) and not self.is_header and key[: len(self.key)] == self.key


def _write(
    statements: Sequence[_Statement],
    changes: Profiles,
    *,
    name: str,
    settings: Mapping[str, CargoValue],
    comment: Sequence[str],
    newline: str,
) -> str:
    """The text with the changes and the reasons for them.

    The comment on the changed profile is put last, so that its place is the same in a second run.
    """
    ours = _blocks_about(statements, name, settings)
    written = [statement for index, statement in enumerate(statements) if index not in ours]
    for profile, values in changes.items():
        for key, value in values.items():
            _put(written, ("profile", profile, key), value, newline)
    for profile, values in changes.items():
        reason = _KEPT.format(name)
        if profile != name and not _is_given(written, profile, reason):
            _comment_on(written, profile, values, [reason], newline)
    _comment_on(written, name, settings, _block(comment), newline)
    return "".join(statement.text for statement in written)


def _split(text: str) -> list[_Statement]:
    """Cut TOML that is known to be correct into statements.

    A statement ends at the first line at which it parses on its own: an array or a string over many lines does not
    parse before its last.
    """
    statements: list[_Statement] = []
    table: Key = ()
    pending = ""
    for line in _lines(text):
        pending += line
        if not _is_complete(pending):
            continue
        key = _first_key(pending)
        if pending.lstrip().startswith("["):
            table = key
        elif key:
            key = table + key
        statements.append(_Statement(text=pending, table=table, key=key))
        pending = ""
    return statements


def _is_complete(text: str) -> bool:
    try:
        parse_toml(text)
    except ValueError:
        return False
    return True


def _first_key(text: str) -> Key:
    """The key that a statement defines, through its dots but not into inline tables."""
    import tomlkit
    from tomlkit.items import Table

    item: Any = tomlkit.parse(text)
    key: Key = ()
    while isinstance(item, (tomlkit.TOMLDocument, Table)) and item:
        name, item = next(iter(item.items()))
        key += (name,)
    return key


def _put(statements: list[_Statement], key: Key, value: CargoValue, newline: str) -> None:
    """Set a key where it stands, else after the other keys of its profile, else in a section of its own."""
    for index, statement in enumerate(statements):
        if statement.holds(key):
            statements[index] = _with_value(statement, key, value)
            return
    profile = key[:2]
    anchor = max((i for i, statement in enumerate(statements) if _is_directly_in(statement, profile)), default=None)
    if anchor is None:
        anchor = _add_section(statements, profile, newline)
    beside = statements[anchor]
    line = f"{beside.indent}{_assignment(key[len(beside.table) :], value)}{newline}"
    statements.insert(anchor + 1, _Statement(text=line, table=beside.table, key=key))


def _is_directly_in(statement: _Statement, profile: Key) -> bool:
    """Whether it is the profile's header or a key under it, or a dotted key further up; not so in sub-tables."""
    return statement.key[:2] == profile and len(statement.table) <= len(profile)


def _with_value(statement: _Statement, key: Key, value: CargoValue) -> _Statement:
    import tomlkit

    document = tomlkit.parse(statement.text)
    table: Any = document
    *parents, last = key[len(statement.table) :]
    for parent in parents:
        table = table.setdefault(parent, tomlkit.inline_table())
    table[last] = value
    return _Statement(text=tomlkit.dumps(document), table=statement.table, key=statement.key)


def _assignment(key: Key, value: CargoValue) -> str:
    import tomlkit

    return f"{tomlkit.key(key).as_string()} = {tomlkit.item(value).as_string()}"


def _add_section(statements: list[_Statement], profile: Key, newline: str) -> int:
    """Add an empty table behind the last profile, else at the end; returns where its header stands."""
    import tomlkit

    index = _end_of_profiles(statements)
    if index and statements[index - 1].text.strip():
        statements.insert(index, _Statement(text=newline, table=statements[index - 1].table))
        index += 1
    header = f"[{tomlkit.key(profile).as_string()}]{newline}"
    statements.insert(index, _Statement(text=header, table=profile, key=profile))
    return index


def _end_of_profiles(statements: list[_Statement]) -> int:
    """Index behind the last profile's section; comments that touch the next header belong to that."""
    inside = [i for i, statement in enumerate(statements) if statement.key and statement.table[:1] == ("profile",)]
    if not inside:
        return len(statements)
    last = end = inside[-1] + 1
    while end < len(statements) and statements[end].is_comment:
        end += 1
    return last if end < len(statements) and statements[end].is_header else end


# --- comments ---


def _block(comment: Sequence[str]) -> list[str]:
    """Comment lines as they are written: all but the first are indented, so that a later run knows its own."""
    lines = [" ".join(line.split()) for line in comment]
    return [f"{_CONTINUATION if number else '# '}{line}" for number, line in enumerate(filter(None, lines))]


def _comment_on(
    statements: list[_Statement], profile: str, keys: Iterable[str], lines: Sequence[str], newline: str
) -> None:
    """Put comment lines directly above the first of a profile's keys."""
    paths = [("profile", profile, key) for key in keys if key != "inherits"]
    first = next(index for index, statement in enumerate(statements) if any(map(statement.holds, paths)))
    beside = statements[first]
    statements[first:first] = [_Statement(text=f"{beside.indent}{line}{newline}", table=beside.table) for line in lines]


def _is_given(statements: Sequence[_Statement], profile: str, reason: str) -> bool:
    """Whether a one-line comment already stands above keys of a profile."""
    return any(
        statement.text.strip() == reason and _is_about(_subject(statements, index), profile)
        for index, statement in enumerate(statements)
    )


def _blocks_about(statements: Sequence[_Statement], name: str, keys: Iterable[str]) -> set[int]:
    """Indexes of the lines of trimtab's earlier comment on a profile; what people have written among them is not ours.

    A comment on kept settings is another matter: it goes only if the setting right below it is about to change.
    """
    changing = {("profile", name, key) for key in keys}
    ours: set[int] = set()
    in_block = False
    for index, statement in enumerate(statements):
        line = statement.text.strip()
        if _ANY_KEPT.fullmatch(line):
            in_block, is_ours = False, _subject(statements, index) in changing
        elif _HEADING.fullmatch(line):
            in_block = is_ours = _is_about(_subject(statements, index), name)
        else:
            is_last = line.startswith(_LAST)
            is_ours = in_block and (is_last or bool(_REASON.fullmatch(line)))
            in_block = in_block and line.startswith(_CONTINUATION) and not is_last
        if is_ours:
            ours.add(index)
    return ours


def _subject(statements: Sequence[_Statement], index: int) -> Key:
    """Key that a comment is about: the next one under the same header, else that of the header."""
    for statement in statements[index:]:
        if statement.is_header:
            break
        if statement.key:
            return statement.key
    return statements[index].table


def _is_about(subject: Key, profile: str) -> bool:
    """Whether a key is one of the profile's, or an inline table that holds the profile."""
    return bool(subject) and subject[:2] == ("profile", profile)[: len(subject)]


# --- verify ---


def _says(text: str, document: Mapping[str, Any]) -> bool:
    """Whether the text parses, and to exactly this document; JSON tells ``1`` from ``true``."""
    try:
        parsed = parse_toml(text)
    except ValueError:
        return False
    return json.dumps(parsed, sort_keys=True, default=str) == json.dumps(document, sort_keys=True, default=str)


def _keeps(before: Sequence[_Statement], after: str, name: str, keys: Iterable[str], changes: Profiles) -> bool:
    """Whether all lines but those of changed keys and of our comments are still there, in order and byte for byte."""
    ours = _blocks_about(before, name, keys)
    paths = [("profile", profile, key) for profile, values in changes.items() for key in values]
    kept = "".join(
        statement.text
        for index, statement in enumerate(before)
        if index not in ours and not any(map(statement.holds, paths))
    )
    remaining = iter(_lines(after))
    return all(line in remaining for line in _lines(kept))


# --- errors ---


def _not_a(kind: str, key: str) -> InputError:
    return InputError(f"{key} is not a {kind}", where="Cargo.toml", hint="correct it and try again")


def _by_hand(changes: Profiles) -> InputError:
    lines = [
        f"[profile.{profile}] {_assignment((key,), value)}"
        for profile, values in changes.items()
        for key, value in values.items()
    ]
    return InputError(
        "trimtab cannot change these profiles without touching other lines",
        where="Cargo.toml",
        hint=f"write it by hand: {'; '.join(lines)}",
    )
