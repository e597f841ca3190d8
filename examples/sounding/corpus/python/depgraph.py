#!/usr/bin/env python3
"""Answer questions about a Cargo.lock file without Cargo.

    depgraph.py tree    Cargo.lock [ROOT]     what a package needs
    depgraph.py why     Cargo.lock NAME       who needs a package
    depgraph.py double  Cargo.lock            packages in more than one version
    depgraph.py depth   Cargo.lock            the longest chain of packages
"""

import sys
from collections import defaultdict


def parse_lock(lines):
    """The packages of a lock file as {(name, version): [dependency, ...]}.

    A full TOML reader is not needed: Cargo writes one key per line and one string per line in lists.
    """
    packages = {}
    entry = None
    in_list = False
    for line in lines:
        line = line.strip()
        if line == "[[package]]":
            entry = {"dependencies": []}
        elif entry is None or not line or line.startswith("#"):
            continue
        elif in_list:
            if line == "]":
                in_list = False
            else:
                entry["dependencies"].append(line.strip('",'))
        elif line == "dependencies = [":
            in_list = True
        elif " = " in line:
            key, value = line.split(" = ", 1)
            entry[key] = value.strip('"')
            if key == "version":
                packages[entry["name"], value.strip('"')] = entry["dependencies"]
    return packages


class Graph:
    def __init__(self, packages):
        self.by_name = defaultdict(list)
        for name, version in packages:
            self.by_name[name].append(version)
        self.edges = {
            package: sorted(self.resolve(wanted) for wanted in dependencies)
            for package, dependencies in packages.items()
        }

    def resolve(self, wanted):
        """Cargo writes "name" when it is unambiguous and "name version" when it is not."""
        name, _, rest = wanted.partition(" ")
        if rest:
            return name, rest.split(" ")[0]
        versions = self.by_name[name]
        if len(versions) != 1:
            raise SystemExit(f"depgraph: cannot tell which version of {name} is meant")
        return name, versions[0]

    def roots(self):
        needed = {target for targets in self.edges.values() for target in targets}
        return sorted(package for package in self.edges if package not in needed)

    def reversed(self):
        users = defaultdict(list)
        for package, targets in self.edges.items():
            for target in targets:
                users[target].append(package)
        return users

    def longest_chain(self):
        best = {}

        def chain(package):
            if package not in best:
                best[package] = [package]
                tails = [chain(target) for target in self.edges[package]]
                if tails:
                    best[package] = [package] + max(tails, key=len)
            return best[package]

        return max((chain(package) for package in self.edges), key=len, default=[])


def print_tree(edges, package, depth=0, seen=None):
    seen = set() if seen is None else seen
    known = package in seen
    mark = " (see above)" if known and edges.get(package) else ""
    print("  " * depth + " ".join(package) + mark)
    if known:
        return
    seen.add(package)
    for target in sorted(edges.get(package, [])):
        print_tree(edges, target, depth + 1, seen)


def main(arguments):
    if len(arguments) < 2:
        print(__doc__, file=sys.stderr)
        return 2
    command, path, *names = arguments
    with open(path, encoding="utf-8") as lines:
        graph = Graph(parse_lock(lines))
    if command == "tree":
        roots = [(name, version) for name in names for version in graph.by_name[name]]
        for root in roots or graph.roots():
            print_tree(graph.edges, root)
    elif command == "why":
        users = graph.reversed()
        for name in names:
            for version in graph.by_name[name]:
                print_tree(users, (name, version))
    elif command == "double":
        for name, versions in sorted(graph.by_name.items()):
            if len(versions) > 1:
                print(name, ", ".join(sorted(versions)))
    elif command == "depth":
        for depth, package in enumerate(graph.longest_chain()):
            print("  " * depth + " ".join(package))
    else:
        print(f"depgraph: there is no command {command!r}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
