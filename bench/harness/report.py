"""Formats the report of one run, as Markdown for people and as JSON for programs."""

import json
import statistics


def markdown(facts, versions, outcome, command):
    """Returns the whole report; `outcome` is a list of (row, its cells, their results)."""
    lines = [f"# Benchmark of {facts['date'][:10]}", "", f"    {command}", ""]
    lines += [f"- {key.replace('_', ' ')}: {value}" for key, value in facts.items()]
    lines += [f"- {peer}: {version}" for peer, version in versions.items()]
    lines += ["", "Medians over the rounds, lowest and highest in parentheses.", ""]
    lines += _checks(outcome)
    for row, cells, results in outcome:
        lines += ["", f"## {row.title} (`{row.key}`)", "", f"To reach: {row.target}.", ""]
        lines += _table(row, cells, results)
    lines += ["", "## Commands", ""]
    seen = {word: None for _, cells, _ in outcome for cell in cells for word in cell.commands}
    lines += [f"    {word}" for word in seen]
    return "\n".join(lines) + "\n"


def as_json(facts, versions, outcome, command):
    """Returns every measured value."""
    rows = {
        row.key: {
            "title": row.title,
            "target": row.target,
            "checks": [
                {"claim": c.claim, "value": c.value, "limit": c.limit, "holds": c.holds()}
                for c in row.checks(results)
            ],
            "cells": [
                {
                    "group": cell.group,
                    "name": cell.name,
                    "commands": cell.commands,
                    "rounds": results.values.get((cell.group, cell.name), {}),
                    "errors": results.errors.get((cell.group, cell.name), []),
                }
                for cell in cells
            ],
        }
        for row, cells, results in outcome
    }
    document = {"command": command, "machine": facts, "versions": versions, "rows": rows}
    return json.dumps(document, indent=1, default=str) + "\n"


def check_lines(row, results):
    """Returns one line per target, for the terminal."""
    marks = {True: "reached", False: "MISSED", None: "not measured"}
    return [
        f"  {marks[check.holds()]}: {check.claim}: {_number(check.value, 3)} "
        f"(to reach: {'at least' if check.at_least else 'at most'} {check.limit})"
        for check in row.checks(results)
    ]


def cell_line(row, cell, figures):
    """Returns one line for one measurement, for the terminal."""
    pairs = ", ".join(
        f"{_number(figures.get(metric), digits)} {heading}" for metric, heading, digits in row.columns
    )
    return f"  {cell.group} | {cell.name}: {pairs}"


def _checks(outcome):
    lines = ["| row | figure | measured | to reach | reached |", "|---|---|---|---|---|"]
    marks = {True: "yes", False: "**no**", None: "not measured"}
    for row, _, results in outcome:
        for check in row.checks(results):
            bound = f"{'≥' if check.at_least else '≤'} {check.limit:g}"
            value = _number(check.value, 2)
            lines.append(f"| {row.key} | {check.claim} | {value} | {bound} | {marks[check.holds()]} |")
    return lines


def _table(row, cells, results):
    headings = [heading for _, heading, _ in row.columns]
    first = row.columns[0][0]
    lines = [
        f"| | server | {' | '.join(headings)} | times the first |",
        f"|---|---|{'---:|' * (len(headings) + 1)}",
    ]
    base = {}
    for cell in cells:
        key = (cell.group, cell.name)
        values = results.values.get(key)
        if not values:
            error = results.errors.get(key, ["no result"])[0]
            lines.append(f"| {cell.group} | {cell.name} | {error} |{' |' * len(headings)}")
            continue
        spreads = [_spread(values.get(metric), digits) for metric, _, digits in row.columns]
        median = results.median(*key, first)
        base.setdefault(cell.group, median)
        ratio = median / base[cell.group] if base[cell.group] else None
        lines.append(
            f"| {cell.group} | {cell.name} | {' | '.join(spreads)} | {_number(ratio, 2)} |"
        )
    return lines


def _spread(values, digits):
    if not values:
        return "–"
    middle = _number(statistics.median(values), digits)
    if len(values) == 1:
        return middle
    return f"{middle} ({_number(min(values), digits)}–{_number(max(values), digits)})"


def _number(value, digits):
    return "–" if value is None else f"{value:,.{digits}f}"
