#!/usr/bin/env python3
"""walrusd beside the peers that are installed here and beside what the machine allows at most, round by round.

Writes the tables of docs/performance.md between its markers, and docs/plots/compare-*.svg. Called by
`./dev bench compare`. Peers: redis-server (appendfsync always and everysec), nats-server (JetStream files, as far as it
goes without a sync before the answer). Whoever is not installed is left out, and that is said.
"""
import argparse
import pathlib
import shutil
import statistics
import sys
import tempfile

from bench_servers import Echo, Nats, Redis, Trouble, Walrus, busy, draw, first_line, machine, measure

BEGIN, END = "<!-- compare: begin -->", "<!-- compare: end -->"
ROOT = pathlib.Path(__file__).resolve().parent.parent.parent

# name, title, arguments of walrus-bench, who takes part beside walrusd, goal as (text, the other system, factor)
ROWS = [
    ("put-1x1", "PUT, 1 connection, one at a time", ["put", "-c", 1, "-d", 1], "all", None),
    ("put-64x1", "PUT, 64 connections, one at a time", ["put", "-c", 64, "-d", 1], "all",
     [("3 × Redis always", "redis always", 3), ("0.45 × echo", "echo", 0.45)]),
    ("put-16x64", "PUT, 16 connections × 64", ["put", "-c", 16, "-d", 64], "all", [("1.2 M/s", None, 1.2e6)]),
    ("put-16x64-1k", "PUT of 1 KiB, 16 connections × 64", ["put", "-c", 16, "-d", 64, "-s", 1024], "all",
     [("400 k/s", None, 4e5)]),
    ("topics-1000", "PUT into 1,000 topics in turn, 16 × 64", ["many-topics", "-c", 16, "-d", 64], "all",
     [("0.8 × one topic", "walrusd put-16x64", 0.8)]),
    ("get-64x1", "GET, 64 connections, one at a time", ["get", "-c", 64, "-d", 1, "--prefill", 1_000_000], "echo",
     [("0.5 × echo", "echo", 0.5)]),
    ("fetch", "batch reads from the start, one consumer", ["fetch"], "redis", [("6 M/s", None, 6e6)]),
    ("fetch-tail", "batch reads of what 16 connections × 64 write meanwhile", ["fetch", "--from", "end", "-d", 64],
     "redis", None),
]


def systems(programs):
    """(label, maker of a server with its data in a folder, durable before the answer?)"""
    found = [("walrusd", lambda folder: Walrus(folder, programs), "yes")]
    missing = []
    if shutil.which("redis-server"):
        found.append(("redis always", lambda folder: Redis(folder, "always"), "yes"))
        found.append(("redis everysec", lambda folder: Redis(folder, "everysec"), "no: within a second"))
    else:
        missing.append("redis-server")
    if shutil.which("nats-server"):
        found.append(("nats", lambda folder: Nats(folder), "no: synced every two minutes"))
    else:
        missing.append("nats-server")
    found.append(("echo", lambda folder: Echo(folder, programs), "keeps nothing"))
    return found, missing


def takes_part(label, who, workload):
    if label == "walrusd":
        return True
    if workload == "get":
        return label == "echo"
    return who == "all" or label.startswith(who)


def measure_row(programs, found, row, rounds, seconds, folder):
    """{label: [results]}; round by round, so that what else the machine does hits all. What they have written stays until
    the last one is done: a file system that has just lost many files is slow to make new ones (ext4 without a journal
    looks at each inode that was freed in the last minute), and that would be the next one's time."""
    name, _, arguments, who, _ = row
    results = {}
    for number in range(rounds):
        for label, make, _ in found:
            if not takes_part(label, who, arguments[0]):
                continue
            print(f"{name}, round {number + 1} of {rounds}: {label}", file=sys.stderr)
            try:
                server = make(folder)
                server.keep = True
                with server:
                    result = measure(programs, server, *arguments, "--duration", seconds)[0]
                results.setdefault(label, []).append(result)
            except Trouble as trouble:
                print(f"  left out: {trouble}", file=sys.stderr)
    return results


def rate(results):
    return statistics.median(each["records_per_second"] for each in results)


def median_round(results):
    return sorted(results, key=lambda each: each["records_per_second"])[len(results) // 2]


def as_ms(nanoseconds):
    return "–" if not nanoseconds else f"{nanoseconds / 1e6:.2f} ms" if nanoseconds < 1e7 else f"{nanoseconds / 1e6:.0f} ms"


def goal_text(row, results, all_results):
    texts = []
    own = rate(results["walrusd"])
    for text, other, factor in row[4] or []:
        if other is None:
            goal = factor
        else:
            where, _, which = other.partition(" ") if other.startswith("walrusd ") else ("", "", "")
            measured = all_results.get(which, {}).get(where) if which else results.get(other)
            if not measured:
                continue
            goal = factor * rate(measured)
        texts.append(f"{text}: {own / goal:.2f} of it")
    return "; ".join(texts)


def table(row, results, found, all_results):
    lines = [f"### {row[1]}", "", "| system | records/s (least – most) | p50 | p99 | p99.9 | on the disk before the answer |",
             "|---|---|---|---|---|---|"]
    for label, _, durable in found:
        if label not in results:
            continue
        each = results[label]
        rates = [one["records_per_second"] for one in each]
        latency = median_round(each)["latency_ns"]
        of_records = row[2][0] != "fetch"
        times = [as_ms(latency[share]) if of_records else "–" for share in ("p50", "p99", "p99.9")]
        lines.append(f"| {label} | {rate(each):,.0f} ({min(rates):,.0f} – {max(rates):,.0f}) | {times[0]} | {times[1]} | "
                     f"{times[2]} | {'–' if not of_records or row[2][0] == 'get' else durable} |")
    goal = goal_text(row, results, all_results)
    return "\n".join(lines) + (f"\n\nGoal, {goal}.\n" if goal else "\n")


def lone_writer_goal(all_results, raw):
    """The row of one connection against one synced write and one round trip."""
    row = all_results.get("put-1x1", {})
    if "walrusd" not in row or "echo" not in row:
        return ""
    sync = statistics.median(1 / each["writes_per_second"] for each in raw)
    trip = 1 / rate(row["echo"])
    limit = 1 / (sync + trip)
    p99 = median_round(row["walrusd"])["latency_ns"]["p99"]
    raw_p99 = statistics.median(each["latency_ns"]["p99"] for each in raw)
    return (f"One connection: a 4 KiB write with `O_DIRECT|O_DSYNC` takes {sync * 1e6:.0f} µs and an echo {trip * 1e6:.0f} µs, so "
            f"at most {limit:,.0f} PUTs/s; walrusd has {rate(row['walrusd']) / limit:.2f} of that (goal 0.85), and "
            f"{p99 / raw_p99:.2f} times the p99 of the write alone (goal 1.5 at most).\n")


def plots(programs, all_results, target):
    """Latency by percentile and throughput over time, for the two loads that tell most."""
    written = []
    for name in ("put-64x1", "put-16x64"):
        results = all_results.get(name)
        if not results:
            continue
        title = next(row[1] for row in ROWS if row[0] == name)
        shares = [("p50", 2), ("p90", 10), ("p99", 100), ("p99.9", 1000), ("p99.99", 10000)]
        latency = [{"name": label, "points": [[at, median_round(each)["latency_ns"][share]] for share, at in shares]}
                   for label, each in results.items()]
        time = [{"name": label,
                 "points": [[(i + 1) / 10, count * 10] for i, count in enumerate(median_round(each)["series"][:-1])]}
                for label, each in results.items()]
        path = target / f"compare-{name}.svg"
        draw(programs, path, title, [
            {"title": "latency by percentile", "x": {"label": "share of requests", "log": True, "ticks": [
                [2, "50 %"], [10, "90 %"], [100, "99 %"], [1000, "99.9 %"], [10000, "99.99 %"]]},
             "y": {"label": "latency", "log": True, "unit": "ns"}, "series": latency},
            {"title": "throughput over time", "x": {"label": "seconds"}, "y": {"label": "records/s", "log": True},
             "series": time}])
        written.append(f"![{title}](plots/{path.name})")
    return "\n\n".join(written)


def report(arguments, programs, found, missing, folder):
    about = machine(ROOT)
    versions = [text for text in (first_line("redis-server", "--version"), first_line("nats-server", "--version")) if text]
    rows = [row for row in ROWS if not arguments.only or row[0] in arguments.only]
    all_results = {}
    for row in rows:
        with tempfile.TemporaryDirectory(dir=folder) as of_row:
            all_results[row[0]] = measure_row(programs, found, row, arguments.rounds, arguments.duration, of_row)
    raw = [measure(programs, None, "raw-sync", "--dir", folder, "--duration", arguments.duration)[0]
           for _ in range(arguments.rounds)]
    rates = [each["writes_per_second"] for each in raw]
    parts = [f"Measured on {about} {'; '.join(versions)}. {arguments.rounds} rounds of {arguments.duration:g} s, all systems in "
             f"turn in each; rates are medians, times those of the median round, records 100 B unless said. The disk alone, 4 KiB "
             f"writes one after the other: {statistics.median(rates):,.0f}/s ({min(rates):,.0f} – {max(rates):,.0f}).\n"]
    if busy_at_start:
        parts.append("**The machine was busy with something else: these are not its numbers.**\n")
    if missing:
        parts.append(f"Not installed here, so not compared: {', '.join(missing)}.\n")
    parts += [table(row, all_results[row[0]], found, all_results) for row in rows if "walrusd" in all_results[row[0]]]
    parts.append(lone_writer_goal(all_results, raw))
    parts.append(plots(programs, all_results, pathlib.Path(folder if arguments.print else ROOT / "docs/plots")))
    return "\n".join(part for part in parts if part)


def write_between_markers(path, text):
    before, begin, rest = path.read_text(encoding="utf-8").partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        sys.exit(f"{path} has no lines {BEGIN} and {END}")
    path.write_text(f"{before}{BEGIN}\n{text.strip()}\n{END}{after}", encoding="utf-8")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0], prog="./dev bench compare")
    parser.add_argument("--programs", nargs=2, required=True, help=argparse.SUPPRESS)
    parser.add_argument("--directory", required=True, help=argparse.SUPPRESS)
    parser.add_argument("--rounds", type=int, default=3, help="of everything (3)")
    parser.add_argument("--duration", type=float, default=4, help="measured seconds each (4)")
    parser.add_argument("--only", type=lambda text: text.split(","), help=f"rows: {', '.join(row[0] for row in ROWS)}")
    parser.add_argument("--print", action="store_true", help="on stdout, and no file is changed")
    arguments = parser.parse_args()
    unknown = set(arguments.only or []) - {row[0] for row in ROWS}
    if unknown:
        parser.error(f"no such row: {', '.join(sorted(unknown))}")
    programs = {pathlib.Path(path).name: path for path in arguments.programs}
    if busy_at_start:
        print("the machine is busy: the figures will not be its own", file=sys.stderr)
    with tempfile.TemporaryDirectory(dir=arguments.directory, prefix="bench-compare-") as folder:
        found, missing = systems(programs)
        text = report(arguments, programs, found, missing, folder)
    if arguments.print:
        print(text)
    else:
        write_between_markers(ROOT / "docs/performance.md", text)


busy_at_start = busy()

if __name__ == "__main__":
    main()
