#!/bin/sh
# Builds a Cargo project with several release profiles and prints size and processor time of each.
#
#     profile-matrix.sh PROJECT BINARY [OUTPUT]
#
# Settings come through the environment, so the project's own files stay as they are. Every combination
# has a target directory of its own, which is removed afterwards.

set -eu

usage() {
    sed -n 's/^# \{0,1\}//p' "$0" | head -n 6 >&2
    exit 2
}

complain() {
    echo "profile-matrix: $*" >&2
    exit 1
}

[ $# -ge 2 ] || usage
project=$1
binary=$2
output=${3:-}

[ -f "$project/Cargo.toml" ] || complain "$project has no Cargo.toml"
command -v cargo >/dev/null || complain "cargo is not installed"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT INT TERM

# user + system time of all finished children, in hundredths of a second
children_time() {
    awk '{ print $16 + $17 }' "/proc/$$/stat"
}

build() {
    lto=$1 units=$2 level=$3
    target="$work/target"
    rm -rf "$target"
    before=$(children_time)
    if ! CARGO_PROFILE_RELEASE_LTO=$lto \
        CARGO_PROFILE_RELEASE_CODEGEN_UNITS=$units \
        CARGO_PROFILE_RELEASE_OPT_LEVEL=$level \
        cargo build --quiet --release --locked --target-dir "$target" \
        --manifest-path "$project/Cargo.toml" --bin "$binary" 2>"$work/errors"; then
        printf '%s,%s,%s,failed,\n' "$lto" "$units" "$level"
        sed 's/^/    /' "$work/errors" >&2
        return 0
    fi
    after=$(children_time)
    size=$(wc -c <"$target/release/$binary")
    printf '%s,%s,%s,%d,%d\n' "$lto" "$units" "$level" "$size" $(((after - before) * 10))
}

all() {
    echo "lto,codegen-units,opt-level,bytes,cpu-ms"
    for lto in off false thin fat; do
        for units in 16 1; do
            for level in 3 s; do
                build "$lto" "$units" "$level"
            done
        done
    done
}

if [ -n "$output" ]; then
    all >"$output.part"
    mv "$output.part" "$output"
else
    all
fi
