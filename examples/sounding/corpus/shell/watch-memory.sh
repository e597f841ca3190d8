#!/bin/sh
# Samples the memory of a process and all its descendants until it ends, and prints the largest sum.
#
#     watch-memory.sh COMMAND [ARGUMENT...]
#
# Uses the proportional set size, in which shared pages count once for all who share them.

set -eu

if [ $# -eq 0 ]; then
    echo "usage: watch-memory.sh COMMAND [ARGUMENT...]" >&2
    exit 2
fi

# All descendants of a process, itself included.
family() {
    echo "$1"
    for child in $(cat "/proc/$1/task/"*/children 2>/dev/null); do
        family "$child"
    done
}

# Kilobytes of one process; nothing when it has gone in the meantime.
memory_of() {
    awk '/^Pss:/ { sum += $2 } END { print sum + 0 }' "/proc/$1/smaps_rollup" 2>/dev/null || echo 0
}

"$@" &
root=$!
largest=0
samples=0
while kill -0 "$root" 2>/dev/null; do
    sum=0
    for process in $(family "$root"); do
        sum=$((sum + $(memory_of "$process")))
    done
    if [ "$sum" -gt "$largest" ]; then
        largest=$sum
    fi
    samples=$((samples + 1))
    sleep 0.1
done

status=0
wait "$root" || status=$?
printf 'largest: %d kB in %d samples\n' "$largest" "$samples" >&2
exit "$status"
