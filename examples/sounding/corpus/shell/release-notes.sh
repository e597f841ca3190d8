#!/usr/bin/env bash
# Prints the section of a changelog that belongs to a version, and checks that it is not empty.
#
#     release-notes.sh 1.4.0 [CHANGELOG.md]

set -euo pipefail

version=${1:?usage: release-notes.sh VERSION [FILE]}
file=${2:-CHANGELOG.md}

if [[ ! -r $file ]]; then
    echo "release-notes: cannot read $file" >&2
    exit 1
fi

# From the heading of this version up to the next heading of the same level.
section() {
    awk -v version="$1" '
        /^## / {
            heading = $2
            gsub(/[][]/, "", heading)
            inside = (heading == version || heading == "v" version)
            next
        }
        inside { print }
    ' "$2"
}

# Without empty lines at both ends.
trimmed() {
    sed -e '/./,$!d' | tac | sed -e '/./,$!d' | tac
}

links() {
    grep -E '^\[[^]]+\]: ' "$1" || true
}

notes=$(section "$version" "$file" | trimmed)
if [[ -z $notes ]]; then
    cat >&2 <<EOF
release-notes: $file has no entry for $version.
Add a heading like this one, with at least one line below it:

    ## $version - $(date +%Y-%m-%d)
EOF
    exit 1
fi

printf '%s\n' "$notes"

# Only those link targets that the section mentions.
links "$file" | while IFS= read -r line; do
    name=${line%%]:*}
    if [[ $notes == *"$name]"* ]]; then
        printf '%s\n' "$line"
    fi
done
