"""YAML as plain values that know the line they stand on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from trimtab.errors import InputError

if TYPE_CHECKING:
    import yaml

_MOST = 100_000
_DEEPEST = 100


@dataclass(frozen=True, slots=True, eq=False)
class Node:
    """A scalar's text, a list or a mapping. Values keep their spelling: ``3.10`` stays ``3.10``."""

    value: str | list[Node] | dict[str, Node]
    line: int
    """From 1 on."""

    @property
    def text(self) -> str:
        """A scalar's text; nothing for others."""
        return self.value if isinstance(self.value, str) else ""

    @property
    def items(self) -> list[Node]:
        """A list's members; a scalar is a list of one."""
        if isinstance(self.value, list):
            return self.value
        return [self] if isinstance(self.value, str) else []

    @property
    def table(self) -> dict[str, Node]:
        """A mapping; an empty one for others."""
        return self.value if isinstance(self.value, dict) else {}

    def get(self, *path: str) -> Node | None:
        """What stands below some keys, if there is anything."""
        found: Node | None = self
        for key in path:
            found = found.table.get(key) if found else None
        return found

    def plain(self) -> object:
        """The same without lines, for comparing."""
        if isinstance(self.value, dict):
            return {key: node.plain() for key, node in self.value.items()}
        return [node.plain() for node in self.value] if isinstance(self.value, list) else self.value

    def scalars(self, leave_out: frozenset[str] = frozenset()) -> Iterator[Node]:
        """All scalars below, in the order of the file, those under some keys left out."""
        waiting, seen = [self], 0
        while waiting:
            node, seen = waiting.pop(), seen + 1
            if seen > _MOST:  # a few lines of aliases can stand for billions of values
                return
            if isinstance(node.value, str):
                yield node
            elif isinstance(node.value, list):
                waiting.extend(reversed(node.value))
            else:
                waiting.extend(child for key, child in reversed(node.value.items()) if key not in leave_out)


def read_yaml(text: str) -> Node:
    """The first document of a text.

    Raises:
        InputError: it is not YAML.
    """
    import yaml

    try:
        root = yaml.compose(text, yaml.SafeLoader)
        return _node(root, {}, 0) if root else Node({}, 1)
    except yaml.MarkedYAMLError as error:
        line = f" at line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise InputError(f"not valid YAML: {error.problem}{line}") from None
    except (yaml.YAMLError, RecursionError):
        raise InputError("not valid YAML") from None


def _node(node: yaml.Node, known: dict[int, Node], depth: int) -> Node:
    import yaml

    if id(node) in known:
        return known[id(node)]
    if depth > _DEEPEST:
        raise RecursionError
    made = Node(_value(node, known, depth + 1), node.start_mark.line + 1)
    if isinstance(node, yaml.ScalarNode) and node.style in ("|", ">"):
        made = Node(made.value, made.line + 1)  # the text begins below the sign
    known[id(node)] = made
    return made


def _value(node: yaml.Node, known: dict[int, Node], depth: int) -> str | list[Node] | dict[str, Node]:
    import yaml

    if isinstance(node, yaml.SequenceNode):
        return [_node(child, known, depth) for child in node.value]
    if isinstance(node, yaml.MappingNode):
        return {str(key.value): _node(child, known, depth) for key, child in node.value}
    return "" if node.tag.endswith(":null") else str(node.value)
