#!/usr/bin/env python3
"""Draw the distribution of numbers from standard input as text.

The width of the bins follows Freedman and Diaconis (1981): twice the interquartile range divided by
the cube root of the count. Values far outside are collected in an overflow bin at each end.
"""

import argparse
import math
import sys

BLOCKS = " ▏▎▍▌▋▊▉█"


def quantile(ordered, share):
    """Linear interpolation between the two nearest values."""
    place = share * (len(ordered) - 1)
    low = math.floor(place)
    high = math.ceil(place)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)


def bin_width(ordered):
    spread = quantile(ordered, 0.75) - quantile(ordered, 0.25)
    width = 2 * spread / len(ordered) ** (1 / 3)
    if width > 0:
        return width
    return (ordered[-1] - ordered[0]) / 10 or 1.0


def fences(ordered):
    """Tukey's outer fences, within the range of the data."""
    first = quantile(ordered, 0.25)
    third = quantile(ordered, 0.75)
    reach = 3 * (third - first)
    return max(first - reach, ordered[0]), min(third + reach, ordered[-1])


def bar(count, largest, width):
    eighths = round(count / largest * width * 8)
    full, rest = divmod(eighths, 8)
    text = BLOCKS[8] * full + (BLOCKS[rest] if rest else "")
    return text or (BLOCKS[1] if count else "")


def histogram(values, width):
    ordered = sorted(values)
    low, high = fences(ordered)
    step = bin_width(ordered)
    count = max(1, min(40, math.ceil((high - low) / step)))
    step = (high - low) / count or 1.0
    bins = [0] * count
    below = above = 0
    for value in ordered:
        if value < low:
            below += 1
        elif value > high:
            above += 1
        else:
            bins[min(int((value - low) / step), count - 1)] += 1
    largest = max(bins + [below, above, 1])
    if below:
        yield f"{'below':>12} {below:>6} {bar(below, largest, width)}"
    for number, members in enumerate(bins):
        yield f"{low + number * step:>12.4g} {members:>6} {bar(members, largest, width)}"
    if above:
        yield f"{'above':>12} {above:>6} {bar(above, largest, width)}"


def read_numbers(stream):
    for number, line in enumerate(stream, 1):
        for word in line.split():
            try:
                value = float(word)
            except ValueError:
                sys.exit(f"histogram: line {number}: {word!r} is no number")
            if math.isfinite(value):
                yield value


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--width", type=int, default=50, help="the longest bar, in characters")
    options = parser.parse_args()
    values = list(read_numbers(sys.stdin))
    if not values:
        sys.exit("histogram: there are no numbers")
    for line in histogram(values, options.width):
        print(line)
    ordered = sorted(values)
    mean = math.fsum(ordered) / len(ordered)
    print(f"{len(ordered)} values, mean {mean:.4g}, median {quantile(ordered, 0.5):.4g}")


if __name__ == "__main__":
    main()
