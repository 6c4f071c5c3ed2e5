#!/usr/bin/env python3
"""How cost grows: throughput and p99 over connections, topics, payload, depth, shards, segments of a topic, and data; what
the metadata of a topic cost over its segments.

Each curve is a CSV and an SVG in docs/plots/. A curve stops early, and says so, when its time is up. Called by
`./dev bench curves`.
"""
import argparse
import csv
import json
import pathlib
import subprocess
import sys
import tempfile
import time

from bench_servers import Trouble, Walrus, ask, busy, draw, machine, measure

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
COLUMNS = ["x", "records_per_second", "p50_ns", "p99_ns", "bytes_per_second", "restart_ns", "fetch_per_second"]
METADATA_COLUMNS = ["x", "roll_ns", "snapshot_ns", "restore_ns", "snapshot_bytes"]


def loaded(context, arguments, *flags):
    """One point: a load on a fresh node."""
    with Walrus(context.folder, context.programs, *flags) as server:
        result = measure(context.programs, server, *arguments, "--duration", context.duration)[0]
    latency = result["latency_ns"]
    return {"records_per_second": result["records_per_second"], "p50_ns": latency["p50"], "p99_ns": latency["p99"],
            "bytes_per_second": result["bytes_per_second"]}


def restart_ns(server):
    """From the end of the process, which was killed, to the first record that is taken again."""
    server.end_process(hard=True)
    began = time.monotonic_ns()
    server.start()
    ask(server.port, "REGISTER after-restart")
    if ask(server.port, "PUT after-restart x") != "OK":
        raise Trouble("no PUT after a restart")
    return time.monotonic_ns() - began


def filled(context, put, records, *flags):
    """One point: a node that holds much; the fill, a read of all of it, and a start after a kill."""
    with Walrus(context.folder, context.programs, *flags) as server:
        fill = measure(context.programs, server, *put, "--requests", records)[0]
        point = {"records_per_second": fill["records_per_second"], "p99_ns": fill["latency_ns"]["p99"],
                 "p50_ns": fill["latency_ns"]["p50"], "bytes_per_second": fill["bytes_per_second"]}
        point["restart_ns"] = restart_ns(server)
        read = ["backlog", "--gb", 0.001, "--writers", 0, "-s", put[put.index("-s") + 1]]
        point["fetch_per_second"] = measure(context.programs, server, *read)[0]["records_per_second"]
    return point


def connections(context, x):
    return loaded(context, ["put", "-c", x, "-d", 1])


def topics(context, x):
    return loaded(context, ["put", "-c", 16, "-d", 64, "-t", x])


def payload(context, x):
    return loaded(context, ["put", "-c", 16, "-d", 16, "-s", x], "--max-frame-bytes", str(2 << 20))


def depth(context, x):
    return loaded(context, ["put", "-c", 16, "-d", x])


def shards(context, x):
    return loaded(context, ["put", "-c", 32, "-d", 32, "-t", 64], "--shards", str(x))


def segments(context, x):
    records = max(100_000, 20 * x)
    put = ["put", "-c", 16, "-d", 64, "-s", 100, "--register", f"segment_entries={records // x}"]
    return filled(context, put, records)


def data(context, x):
    size = 1000
    return filled(context, ["put", "-c", 16, "-d", 64, "-s", size], x // size)


def metadata(context, x):
    """One point: a topic of x segments in the state that Raft replicates, without disk and network; CPU time."""
    run = subprocess.run([context.programs["metadata_benchmark"], f"--benchmark_filter=/segments:{x}(/|$)",
                          "--benchmark_format=json"], check=True, capture_output=True, text=True)
    point = {}
    for row in json.loads(run.stdout)["benchmarks"]:
        what = row["name"].removeprefix("bm_").split("/")[0]
        point[f"{what}_ns"] = row["cpu_time"]
        if "bytes" in row:
            point[f"{what}_bytes"] = row["bytes"]
    return point


THROUGHPUT = ("records_per_second", "records/s", "number")
BYTES = ("bytes_per_second", "payload per second", "bytes")
LATENCIES = [("p50_ns", "p50", "ns"), ("p99_ns", "p99", "ns")]
RESTART = ("restart_ns", "start after a kill", "ns")
READ = ("fetch_per_second", "records/s read", "number")

# name: (what x is, unit of x, points, how a point is measured, panels of (title, columns))
CURVES = {
    "connections": ("connections, one request at a time", "number", [1, 4, 16, 64, 256, 1000, 4000, 10000], connections,
                    [("throughput", [THROUGHPUT]), ("latency", LATENCIES)]),
    "topics": ("topics, 16 connections × 64", "number", [1, 10, 100, 1000, 10000], topics,
               [("throughput", [THROUGHPUT]), ("latency", LATENCIES)]),
    "payload": ("bytes of a record, 16 connections × 16", "bytes", [16, 64, 256, 1024, 4096, 16384, 65536, 262144, 1 << 20],
                payload, [("throughput", [THROUGHPUT]), ("bytes", [BYTES]), ("latency", LATENCIES)]),
    "depth": ("requests in flight on each of 16 connections", "number", [1, 4, 16, 64, 256, 1024], depth,
              [("throughput", [THROUGHPUT]), ("latency", LATENCIES)]),
    "shards": ("shards, 64 topics, 32 connections × 32", "number", [1, 2, 4, 8], shards,
               [("throughput", [THROUGHPUT]), ("latency", LATENCIES)]),
    "segments": ("segments of one topic", "number", [1, 10, 100, 1000, 10000], segments,
                 [("throughput of the fill", [THROUGHPUT]), ("latency of the fill", LATENCIES), ("restart", [RESTART]),
                  ("reading all of it", [READ])]),
    "data": ("bytes of payload in one topic", "bytes", [10**8, 10**9, 4 * 10**9, 10**10, 5 * 10**10], data,
             [("throughput of the fill", [THROUGHPUT]), ("restart", [RESTART]), ("reading all of it", [READ])]),
    "metadata": ("segments of one topic, three holders each", "number", [1, 10, 100, 1000, 10000, 100000], metadata,
                 [("CPU time", [("roll_ns", "a roll, applied", "ns"), ("snapshot_ns", "a Raft snapshot, written to memory", "ns"),
                                ("restore_ns", "the state, read from one", "ns")]),
                  ("size", [("snapshot_bytes", "bytes of the snapshot", "bytes")])]),
}


def panel(title, columns, about, unit, rows):
    series = [{"name": name, "points": [[row["x"], row.get(column)] for row in rows]} for column, name, _ in columns]
    y_unit = columns[0][2]
    return {"title": title, "x": {"label": about, "log": True, "unit": unit},
            "y": {"label": title if len(columns) > 1 else columns[0][1], "log": y_unit == "ns", "unit": y_unit},
            "series": series}


def run_curve(context, name, target):
    about, unit, points, point_of, panels = CURVES[name]
    deadline = time.monotonic() + context.seconds
    rows = []
    for x in points:
        if time.monotonic() > deadline:
            print(f"{name}: the time is up before {x:,}; --seconds gives it more", file=sys.stderr)
            break
        if name == "data" and x > context.gigabytes * 1e9:
            break
        print(f"{name}: {x:,}", file=sys.stderr)
        try:
            rows.append({"x": x, **point_of(context, x)})
        except Trouble as trouble:
            print(f"  left out: {trouble}", file=sys.stderr)
    if not rows:
        return
    with open(target / f"curve-{name}.csv", "w", encoding="utf-8", newline="") as file:
        file.write(f"# {context.machine}\n")
        writer = csv.DictWriter(file, METADATA_COLUMNS if name == "metadata" else COLUMNS, restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    draw(context.programs, target / f"curve-{name}.svg", f"{'Metadata' if name == 'metadata' else 'PUT'} over {about}",
         [panel(title, columns, about, unit, rows) for title, columns in panels])
    print(f"{target}/curve-{name}.csv, .svg: {json.dumps(rows[-1])}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0], prog="./dev bench curves")
    parser.add_argument("--programs", nargs=3, required=True, help=argparse.SUPPRESS)
    parser.add_argument("--directory", required=True, help=argparse.SUPPRESS)
    parser.add_argument("--only", default=",".join(CURVES), help=f"of {', '.join(CURVES)}; with commas")
    parser.add_argument("--duration", type=float, default=3, help="measured seconds of a point (3)")
    parser.add_argument("--seconds", type=float, default=120, help="after which a curve takes no further point (120)")
    parser.add_argument("--gb", type=float, default=4, help="most data that the curve over data writes (4; 50 has them all)")
    parser.add_argument("--out", type=pathlib.Path, default=ROOT / "docs/plots", help="where the files go (docs/plots)")
    arguments = parser.parse_args()
    names = arguments.only.split(",")
    for name in names:
        if name not in CURVES:
            parser.error(f"no such curve: {name}")
    if busy():
        print("the machine is busy: the figures will not be its own", file=sys.stderr)
    arguments.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=arguments.directory, prefix="bench-curves-") as folder:
        context = argparse.Namespace(programs={pathlib.Path(path).name: path for path in arguments.programs}, folder=folder,
                                     duration=arguments.duration, seconds=arguments.seconds, gigabytes=arguments.gb,
                                     machine=machine(ROOT))
        for name in names:
            run_curve(context, name, arguments.out)


if __name__ == "__main__":
    main()
