#!/usr/bin/env python3
"""Where a node's processor time goes under a load, as a flame graph: a node of its own, `walrus-bench`, perf.

Writes docs/plots/flame-<workload>.svg (each box is a function, as wide as its share of the samples, on top of its
caller; the pointer shows name and share) and prints the dearest functions as a table.
"""
import argparse
import collections
import html
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from bench_servers import Trouble, Walrus  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[2]
WIDTH, ROW, LEAST = 1200, 17, 0.0015  # pixels, pixels, share of a box that is still drawn
SAMPLES_PER_SECOND = 999


def short(name):
    """A C++ name without its arguments, templates and clutter."""
    name = re.sub(r"\[clone [^]]*\]", "", name)
    depth, kept = 0, []
    for char in name.replace("(anonymous namespace)::", "").replace("operator()", "call"):
        if char in "<(":
            depth += 1
        if depth == 0:
            kept.append(char)
        if char in ">)":
            depth -= 1
    text = "".join(kept).strip() or name
    return text.removeprefix("walrus::")


PLUMBING = re.compile(r"^(std::(__|_|move_only|function|invoke|unique|shared)|__libc_start|_start$|clone|start_thread|\[unknown)")


def stacks_of(script):
    """Stacks of `perf script`, outermost function first, with their number of samples."""
    stacks = collections.Counter()
    frames = []
    for line in script.splitlines() + [""]:
        if line.startswith(("\t", " ")) and line.strip():
            match = re.match(r"\s*[0-9a-f]+ (.*?)(\+0x[0-9a-f]+)? \(([^()]*)\)$", line)
            if match:
                name = short(match[1])
                if not PLUMBING.match(name):
                    frames.append(name + ("" if "kernel" not in match[3] else " [k]"))
        elif not line.strip() and frames:
            stacks[tuple(reversed(frames))] += 1
            frames = []
    return stacks


class Box:
    def __init__(self):
        self.samples = 0
        self.children = {}


def tree_of(stacks):
    root = Box()
    for stack, samples in stacks.items():
        root.samples += samples
        box = root
        for name in stack:
            box = box.children.setdefault(name, Box())
            box.samples += samples
    return root


def colour(name):
    if name.endswith("[k]"):
        return "#9db7d5"
    shade = sum(map(ord, name.split("::")[0])) % 5
    return ("#f2b47e", "#efa56a", "#f5c28f", "#e89c72", "#f0cd9a")[shade]


def svg_of(root, title):
    rows, boxes = [0], []

    def place(name, box, left, depth):
        share = box.samples / root.samples
        if share < LEAST:
            return
        rows[0] = max(rows[0], depth)
        boxes.append((name, left, share, depth))
        for child in sorted(box.children):
            place(child, box.children[child], left, depth + 1)
            left += box.children[child].samples / root.samples

    left = 0.0
    for child in sorted(root.children):
        place(child, root.children[child], left, 0)
        left += root.children[child].samples / root.samples
    height = (rows[0] + 3) * ROW
    lines = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="monospace" '
             f'font-size="11"><rect width="{WIDTH}" height="{height}" fill="#fff"/>'
             f'<text x="6" y="{ROW - 4}" font-size="13">{html.escape(title)}</text>']
    for name, left, share, depth in boxes:
        x, width, y = left * WIDTH, share * WIDTH, height - (depth + 1) * ROW - 4
        letters = int(width / 6.7)
        text = html.escape(name[:letters]) if letters > 2 else ""
        lines.append(f'<g><title>{html.escape(name)}: {share:.1%}</title><rect x="{x:.1f}" y="{y}" '
                     f'width="{max(width - 0.4, 0.3):.1f}" height="{ROW - 1}" fill="{colour(name)}"/>'
                     f'<text x="{x + 2:.1f}" y="{y + 12}">{text}</text></g>')
    return "\n".join(lines + ["</svg>\n"])


def table_of(stacks, count):
    """Functions by the samples in themselves."""
    own = collections.Counter()
    for stack, samples in stacks.items():
        own[stack[-1]] += samples
    total = sum(own.values())
    return [f"| {samples / total:5.1%} | `{name}` |" for name, samples in own.most_common(count)]


def main():
    parser = argparse.ArgumentParser(prog="./dev bench flame", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--connections", "-c", type=int, default=16)
    parser.add_argument("--depth", "-d", type=int, default=64)
    parser.add_argument("--size", "-s", type=int, default=100, help="bytes of a record")
    parser.add_argument("--workload", default="put", help="of walrus-bench")
    parser.add_argument("--duration", type=float, default=10, help="seconds")
    parser.add_argument("--directory", required=True, help=argparse.SUPPRESS)
    parser.add_argument("--programs", nargs=2, required=True, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if shutil.which("perf") is None:
        raise Trouble("perf is missing: apt-get install linux-perf")
    walrusd, bench = options.programs
    shape = f"{options.workload}-{options.connections}x{options.depth}"
    with Walrus(options.directory, {"walrusd": walrusd}) as node, tempfile.TemporaryDirectory() as folder:
        load = subprocess.Popen(
            [bench, options.workload, "--addr", f"127.0.0.1:{node.port}", "-c", str(options.connections), "-d",
             str(options.depth), "-s", str(options.size), "--duration", str(options.duration + 2)])
        recorded = subprocess.run(
            ["perf", "record", "--freq", str(SAMPLES_PER_SECOND), "--call-graph", "fp", "--pid", str(node.process.pid),
             "--output", f"{folder}/perf.data", "--", "sleep", str(options.duration)], capture_output=True, text=True)
        load.wait()
        if recorded.returncode != 0:
            raise Trouble(f"perf record failed: {recorded.stderr.strip()[-300:]}")
        script = subprocess.run(["perf", "script", "--input", f"{folder}/perf.data", "--fields", "ip,sym,symoff,dso"],
                                capture_output=True, text=True, errors="replace").stdout
    stacks = stacks_of(script)
    if not stacks:
        raise Trouble("perf saw nothing")
    target = ROOT / "docs/plots" / f"flame-{shape}.svg"
    target.parent.mkdir(exist_ok=True)
    target.write_text(svg_of(tree_of(stacks), f"walrusd, {shape}, {options.size} B: {sum(stacks.values()):,} samples"))
    print("\n".join(["| share | function |", "|---|---|"] + table_of(stacks, 20)))
    print(f"written: {target.relative_to(ROOT)}")


if __name__ == "__main__":
    try:
        main()
    except Trouble as trouble:
        sys.exit(f"error: {trouble}")
