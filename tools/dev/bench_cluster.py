#!/usr/bin/env python3
"""Three nodes on this machine, every OK synced on a quorum: what PUTs they take, as Markdown.

Through the leader, through a follower, and into a topic with one replica on the same nodes (what replication costs).
Called by `./dev bench cluster`; needs walrusd, walrus-cli and walrus-bench of one build.
"""
import argparse
import csv
import io
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import tempfile
import time

from bench_servers import free_ports

LOADS = [(1, 1), (16, 1), (64, 1), (16, 64)]  # connections, depth
SIZES = [100, 1024]


class Cluster:
    def __init__(self, programs, directory):
        self.programs = programs
        self.directory = directory
        self.clients = []
        self.nodes = []

    def start(self):
        ports = free_ports(6)
        self.clients, rafts = ports[:3], ports[3:]
        for index in range(3):
            command = [self.programs["walrusd"], "--node-id", str(index + 1), "--data-dir", self.directory,
                       "--client-port", str(self.clients[index]), "--raft-port", str(rafts[index]),
                       # One segment only: its leader stays where it is.
                       "--max-segment-entries", "1000000000", "--log-file", f"{self.directory}/node-{index + 1}.log"]
            if index > 0:
                command += ["--join", f"127.0.0.1:{rafts[0]}"]
            self.nodes.append(subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
            self.wait(lambda: self.ask(index, "metrics")["cluster_size"] == index + 1, f"node {index + 1} joins")
        self.wait(lambda: self.ask(0, "metrics")["voters"] == 3, "three voters")

    def ask(self, index, *words):
        answer = subprocess.run([self.programs["walrus-cli"], "--addr", f"127.0.0.1:{self.clients[index]}", *words],
                                capture_output=True, text=True, check=False)
        if answer.returncode != 0:
            raise LookupError(answer.stderr)
        return json.loads(answer.stdout) if answer.stdout.startswith("{") else answer.stdout

    def wait(self, is_true, what):
        deadline = time.monotonic() + 30
        while True:
            try:
                if is_true():
                    return
            except (LookupError, KeyError, TypeError):
                pass
            if time.monotonic() > deadline:
                sys.exit(f"waited 30 s in vain: {what}; logs in {self.directory}")
            time.sleep(0.05)

    def make_topic(self, name, replicas):
        """The index of the node that leads it."""
        request = f"REGISTER {name} replicas={replicas}".encode()
        with socket.create_connection(("127.0.0.1", self.clients[0])) as link:
            link.sendall(len(request).to_bytes(4, "little") + request)
            if link.recv(64)[4:] != b"OK":
                sys.exit(f"cannot register {name}")
        self.wait(lambda: self.ask(0, "state", name)["segments"], f"{name} has a segment")
        segment = self.ask(0, "state", name)["segments"][0]
        if len(segment["replicas"]) != replicas:
            sys.exit(f"{name} has {len(segment['replicas'])} replicas in place of {replicas}")
        return segment["leader_node"] - 1

    def put(self, index, prefix, connections, depth, size, seconds):
        command = [self.programs["walrus-bench"], "put", "--addr", f"127.0.0.1:{self.clients[index]}", "-c",
                   str(connections), "-d", str(depth), "-s", str(size), "--topic-prefix", prefix, "--duration",
                   str(seconds), "--csv"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        row = next(csv.DictReader(io.StringIO(done.stdout)), None)
        if row is None:
            sys.exit(f"walrus-bench said: {done.stderr}")
        if done.returncode != 0:
            print(f"not all went well, look twice at the next row: {done.stderr.strip()} {row['errors']}", file=sys.stderr)
        return row

    def stop(self):
        for node in self.nodes:
            node.send_signal(signal.SIGTERM)
        for node in self.nodes:
            node.wait()


def as_ms(nanoseconds):
    return f"{float(nanoseconds) / 1e6:.2f}" if nanoseconds else "–"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0], prog="./dev bench cluster")
    parser.add_argument("--programs", nargs=3, required=True, help=argparse.SUPPRESS)
    parser.add_argument("--directory", required=True, help=argparse.SUPPRESS)
    parser.add_argument("--duration", type=float, default=4, help="measured seconds of each row (4)")
    arguments = parser.parse_args()
    programs = {pathlib.Path(path).name: path for path in arguments.programs}
    with tempfile.TemporaryDirectory(dir=arguments.directory, prefix="bench-cluster-") as directory:
        cluster = Cluster(programs, directory)
        try:
            cluster.start()
            report(cluster, arguments.duration)
        finally:
            cluster.stop()


def report(cluster, seconds):
    leader = cluster.make_topic("three-0", 3)
    alone = cluster.make_topic("one-0", 1)
    ways = [("leader", leader, "three"), ("follower", (leader + 1) % 3, "three"), ("one replica", alone, "one")]
    print(f"Three nodes, {os.cpu_count()} cores, load before the run {os.getloadavg()[0]:.2f}; times in ms.\n")
    print("| record | connections × depth | through | PUTs/s | p50 | p99 | p99.9 |")
    print("|---|---|---|---|---|---|---|")
    for size in SIZES:
        for connections, depth in LOADS:
            for way, index, prefix in ways:
                row = cluster.put(index, prefix, connections, depth, size, seconds)
                print(f"| {size} B | {connections} × {depth} | {way} | {float(row['records_per_second']):,.0f} | "
                      f"{as_ms(row['p50_ns'])} | {as_ms(row['p99_ns'])} | {as_ms(row['p99.9_ns'])} |", flush=True)


if __name__ == "__main__":
    main()
