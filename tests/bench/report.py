"""Prints the medians of Google Benchmark's JSON, and the ratio of each metered arm to its plain twin."""

import json
import re
import statistics
import sys

SECONDS = {"ns": 1e-9, "us": 1e-6, "ms": 1e-3, "s": 1.0}


def readable(seconds):
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if seconds >= size:
            return f"{seconds / size:,.2f} {unit}"
    return f"{seconds / 1e-9:,.0f} ns"


def runs_by_name(path):
    runs = {}
    with open(path + ".json", encoding="utf-8") as file:
        for run in json.load(file)["benchmarks"]:
            if run.get("run_type") == "iteration":
                runs.setdefault(run["run_name"], []).append(run)
    return runs


def median(runs, field):
    return statistics.median(run[field] * SECONDS[run["time_unit"]] for run in runs)


def counters(run):
    skipped = {"family_index", "per_family_instance_index", "repetitions", "repetition_index", "threads", "iterations",
               "real_time", "cpu_time"}
    return {name: value for name, value in run.items() if isinstance(value, (int, float)) and name not in skipped}


for path in sys.argv[1:]:
    runs = runs_by_name(path)
    for name, repetitions in runs.items():
        line = f"{name:<48} {readable(median(repetitions, 'real_time')):>12}  CPU {readable(median(repetitions, 'cpu_time')):>12}"
        plain = runs.get(re.sub("Metered|Idle", "Plain", name))
        if plain is not None and plain is not repetitions:
            for field, label in (("real_time", "time"), ("cpu_time", "CPU")):
                line += f"  {label} x{median(repetitions, field) / median(plain, field):.3f}"
        for counter in counters(repetitions[0]):
            line += f"  {counter} {statistics.median(run[counter] for run in repetitions):,.0f}"
        print(line)
