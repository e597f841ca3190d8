"""YAML as plain values that know the line they stand on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from trimtab.errors import InputError

if TYPE_CHECKING:
    import yaml

_MOST = 20_000
"""Values of a file, its aliases written out: a few lines of them can stand for billions."""
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
        """Node at a path of keys, if there is one."""
        node: Node | None = self
        for key in path:
            node = node.table.get(key) if node else None
        return node

    def same(self, other: Node) -> bool:
        """Whether another has the same value, whatever line it stands on."""
        mine, its = self.value, other.value
        if isinstance(mine, dict) and isinstance(its, dict):
            return mine.keys() == its.keys() and all(child.same(its[key]) for key, child in mine.items())
        if isinstance(mine, list) and isinstance(its, list):
            return len(mine) == len(its) and all(map(Node.same, mine, its))
        return mine == its

    def scalars(self, leave_out: frozenset[str] = frozenset()) -> Iterator[Node]:
        """All scalars below, in the order of the file, those under some keys left out."""
        waiting = [self]
        while waiting:
            node = waiting.pop()
            if isinstance(node.value, str):
                yield node
            elif isinstance(node.value, list):
                waiting.extend(reversed(node.value))
            else:
                waiting.extend(child for key, child in reversed(node.value.items()) if key not in leave_out)


def read_yaml(text: str) -> Node:
    """The first document of a text.

    Raises:
        InputError: it is not YAML, or stands for more than 20,000 values.
    """
    import yaml

    try:
        root = yaml.compose(text, yaml.SafeLoader)
        return _node(root, {}, 0)[0] if root else Node({}, 1)
    except yaml.MarkedYAMLError as error:
        line = f" at line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise InputError(f"not valid YAML: {error.problem}{line}") from None
    except (yaml.YAMLError, RecursionError):
        raise InputError("not valid YAML") from None


def _node(node: yaml.Node, known: dict[int, tuple[Node, int]], depth: int) -> tuple[Node, int]:
    """A value, and how many there are in it."""
    import yaml

    if id(node) in known:
        return known[id(node)]
    if depth > _DEEPEST:
        raise RecursionError
    value, size = _value(node, known, depth + 1)
    if size > _MOST:
        raise InputError(f"it stands for more than {_MOST:,} values")
    below = isinstance(node, yaml.ScalarNode) and node.style in ("|", ">")  # the text begins below the sign
    known[id(node)] = Node(value, node.start_mark.line + (2 if below else 1)), size
    return known[id(node)]


def _value(
    node: yaml.Node, known: dict[int, tuple[Node, int]], depth: int
) -> tuple[str | list[Node] | dict[str, Node], int]:
    import yaml

    if isinstance(node, yaml.SequenceNode):
        items = [_node(child, known, depth) for child in node.value]
        return [item for item, _ in items], 1 + sum(size for _, size in items)
    if isinstance(node, yaml.MappingNode):
        pairs = [(key.value, *_node(child, known, depth)) for key, child in node.value]
        table = {key: child for key, child, _ in pairs if isinstance(key, str)}
        return table, 1 + sum(size for _, _, size in pairs)
    return "" if node.tag.endswith(":null") else str(node.value), 1
