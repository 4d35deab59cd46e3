"""Prints exact figures about the columns of a CSV table that is given as standard input."""

from __future__ import annotations

import argparse
import csv
import re
import statistics
import sys
from collections import Counter

Row = dict[str, str]

NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,2})?", re.ASCII)


def main() -> None:
    options = parsed()
    rows, columns = table(options.delimiter)
    for condition in options.where:
        name, _, value = condition.partition("=")
        rows = [row for row in rows if row[known(name, columns)] == value]
    print(f"rows: {len(rows)}")
    chosen = [known(options.column, columns)] if options.column else columns
    if not options.by:
        for column in chosen:
            print(f"{column}: {figures([row[column] for row in rows])}")
        return
    if not options.column:
        sys.exit("--by needs --column: say which column to summarise.")
    by = known(options.by, columns)
    for group in dict.fromkeys(row[by] for row in rows):
        values = [row[options.column] for row in rows if row[by] == group]
        print(f"{by}={group}: {figures(values)}")


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--column", default="")
    parser.add_argument("--by", default="")
    parser.add_argument("--where", action="append", default=[], metavar="NAME=VALUE")
    parser.add_argument("--delimiter", default=",")
    return parser.parse_args()


def table(delimiter: str) -> tuple[list[Row], list[str]]:
    lines = [line for line in csv.reader(sys.stdin, delimiter=delimiter) if line]
    if not lines:
        sys.exit("There is no table: give it as stdin, the header line first.")
    header = [name.strip() for name in lines[0]]
    if len(set(header)) < len(header):
        sys.exit(f"Two columns have one name: {header}")
    for number, line in enumerate(lines[1:], 2):
        if len(line) != len(header):
            sys.exit(f"Row {number} has {len(line)} fields, the header has {len(header)}.")
    rows = [dict(zip(header, map(str.strip, line), strict=True)) for line in lines[1:]]
    return rows, header


def known(name: str, columns: list[str]) -> str:
    if name not in columns:
        sys.exit(f"There is no column {name!r}; there are: {', '.join(columns)}")
    return name


def figures(fields: list[str]) -> str:
    values = [field for field in fields if field]
    told = f"count {len(values)}, missing {len(fields) - len(values)}"
    numbers = as_numbers(values)
    if not values:
        return told
    if numbers is None:
        frequent = ", ".join(f"{value} ({n})" for value, n in Counter(values).most_common(3))
        return f"{told}, distinct {len(set(values))}, most frequent: {frequent}"
    told += f", sum {sum(numbers):.10g}, mean {statistics.fmean(numbers):.10g}"
    told += f", min {min(numbers):.10g}, max {max(numbers):.10g}"
    if len(numbers) > 1:
        cuts = statistics.quantiles(numbers, n=4, method="inclusive")
        told += ", quartiles " + " ".join(f"{cut:.10g}" for cut in cuts)
    return told


def as_numbers(values: list[str]) -> list[float] | None:
    if not all(NUMBER.fullmatch(value) for value in values):
        return None
    return [float(value) for value in values]


main()
