"""Servers for the measuring scripts (bench_compare.py, bench_curves.py): started on free ports of 127.0.0.1 with their
data in a folder that is removed, stopped by their own process; walrus-bench run against them; what the machine is.
"""
import json
import os
import pathlib
import platform
import shutil
import socket
import subprocess
import tempfile
import time

PATIENCE = 60  # seconds for a server to start


class Trouble(Exception):
    """Said to the user; the run goes on with the next measurement or ends."""


def free_ports(count):
    held = [socket.socket() for _ in range(count)]
    for each in held:
        each.bind(("127.0.0.1", 0))
    ports = [each.getsockname()[1] for each in held]
    for each in held:
        each.close()
    return ports


def ask(port, text, patience=PATIENCE):
    """One request of walrusd's protocol; the text of the reply."""
    data = text.encode()
    with socket.create_connection(("127.0.0.1", port), timeout=patience) as link:
        link.sendall(len(data).to_bytes(4, "little") + data)
        reply = b""
        while len(reply) < 4 or len(reply) < 4 + int.from_bytes(reply[:4], "little"):
            piece = link.recv(1 << 16)
            if not piece:
                raise OSError("the connection ended before the reply")
            reply += piece
        return reply[4:].decode(errors="replace")


class Server:
    """A process that listens on self.port. Subclasses say how it is started."""

    kind = "walrus"  # for walrus-bench --peer
    keep = False  # the data, after stop(): whoever gave the folder removes it

    def __init__(self, parent):
        self.folder = tempfile.mkdtemp(prefix="bench-server-", dir=parent)
        self.port = 0
        self.process = None

    def command(self):
        raise NotImplementedError

    def answers(self):
        with socket.create_connection(("127.0.0.1", self.port), timeout=1):
            return True

    def start(self):
        command = self.command()
        with open(f"{self.folder}/output", "ab") as output:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                                            cwd=self.folder)
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                if self.answers():
                    return self
            except OSError:
                pass
            if self.process.poll() is not None or time.monotonic() > deadline:
                tail = pathlib.Path(self.folder, "output").read_text(errors="replace")[-500:]
                self.stop()
                raise Trouble(f"{command[0]} did not start: {tail}")
            time.sleep(0.01)

    def end_process(self, hard=False):
        if self.process is None:
            return
        if self.process.poll() is None:
            self.process.kill() if hard else self.process.terminate()
        self.process.wait()
        self.process = None

    def stop(self):
        self.end_process()
        if not self.keep:
            shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()


class Walrus(Server):
    def __init__(self, parent, programs, *flags):
        super().__init__(parent)
        self.programs = programs
        self.flags = list(flags)
        self.port, self.raft_port = free_ports(2)

    def command(self):
        return [self.programs["walrusd"], "--data-dir", f"{self.folder}/data", "--client-port", str(self.port),
                "--raft-port", str(self.raft_port), "--log-file", f"{self.folder}/node.log", *self.flags]

    def answers(self):
        return json.loads(ask(self.port, "METRICS")[3:])["leader_id"] is not None


class Echo(Server):
    def __init__(self, parent, programs):
        super().__init__(parent)
        self.programs = programs
        self.port = free_ports(1)[0]

    def command(self):
        return [self.programs["walrus-bench"], "echo-server", "--listen", f"127.0.0.1:{self.port}"]


class Redis(Server):
    kind = "redis"

    def __init__(self, parent, fsync):
        super().__init__(parent)
        self.fsync = fsync
        self.port = free_ports(1)[0]

    def command(self):
        return ["redis-server", "--bind", "127.0.0.1", "--port", str(self.port), "--dir", self.folder, "--save", "",
                "--appendonly", "yes", "--appendfsync", self.fsync, "--daemonize", "no"]


class Nats(Server):
    kind = "nats"

    def __init__(self, parent):
        super().__init__(parent)
        self.port = free_ports(1)[0]

    def command(self):
        return ["nats-server", "--addr", "127.0.0.1", "--port", str(self.port), "--jetstream", "--store_dir",
                f"{self.folder}/store"]


def measure(programs, server, *arguments):
    """walrus-bench against `server`: the results it tells as JSON."""
    command = [programs["walrus-bench"], *map(str, arguments), "--json"]
    if server is not None:
        command += ["--addr", f"127.0.0.1:{server.port}", "--peer", server.kind]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    if not lines or done.returncode > 1:
        raise Trouble(f"{' '.join(command)}: {done.stderr.strip()}")
    if lines[0].get("errors"):
        raise Trouble(f"{' '.join(command)}: {lines[0]['errors']}")
    return lines


def draw(programs, path, title, panels):
    pathlib.Path(path).parent.mkdir(parents=True, exist_ok=True)
    subprocess.run([programs["walrus-bench"], "chart", "--out", str(path)], check=True, text=True,
                   input=json.dumps({"title": title, "panels": panels}))


def first_line(*command):
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()[0].strip()
    except (OSError, subprocess.CalledProcessError, IndexError):
        return ""


def machine(root):
    """A sentence on what was measured, on what, and how busy that was."""
    model = next((line.split(":", 1)[1].strip() for line in open("/proc/cpuinfo", encoding="utf-8")
                  if line.startswith("model name")), "unknown processor")
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    commit = first_line("git", "-C", str(root), "rev-parse", "--short", "HEAD")
    changed = "" if not first_line("git", "-C", str(root), "status", "--porcelain") else " with local changes"
    return (f"{os.cpu_count()} cores ({model}), {memory:.0f} GiB, Linux {platform.release()}; client and servers on the same "
            f"machine; commit {commit}{changed}; load average before the run {os.getloadavg()[0]:.2f}.")


def busy():
    return os.getloadavg()[0] > 0.3 * os.cpu_count()
