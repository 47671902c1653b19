"""Runs the workloads, checks with the sink that each client sent what it was asked to, and prints
tables. Clients take turns within each round, so that whatever else the machine does meets them
alike; figures are medians over rounds."""

import argparse
import dataclasses
import json
import os
import re
import socket
import statistics
import subprocess
import sys
import time

import workloads

SINK_CPU = 0
# Speed is kept where a row's median is not below that.
SLOWER = 0.97


class Failed(Exception):
    """A client did not do what it was asked to."""


class Sink:
    """One sink process."""

    def __init__(self, out, options, tls, number):
        self.port_file = os.path.join(out, f"sink-{number}.port")
        self.certificate = os.path.join(out, f"sink-{number}.pem") if tls else None
        if os.path.exists(self.port_file):
            os.remove(self.port_file)
        command = [os.path.join(out, "sink"), "--port-file", self.port_file, "--cpu", str(SINK_CPU), *options]
        if tls:
            command += ["--tls", self.certificate]
        self.process = subprocess.Popen(command)
        for _ in range(500):
            if os.path.exists(self.port_file):
                break
            time.sleep(0.01)
        with open(self.port_file) as file:
            self.port = int(file.read())

    def totals(self):
        """What came since the last time."""
        with socket.create_connection(("127.0.0.1", self.port)) as connection:
            file = connection.makefile("rb")
            file.readline()
            connection.sendall(b"XSTAT\r\n")
            words = file.readline().decode().split()
        return {name: int(value) for name, value in (word.split("=") for word in words[1:])}

    def stop(self):
        self.process.terminate()
        self.process.wait()


class Bench:
    def __init__(self, arguments):
        self.arguments = arguments
        self.out = arguments.out
        self.sinks = {}
        self.files = {}
        self.programs = {
            "raw": [self.path("raw")],
            "ours": [self.path("ours")],
            "old": [self.path("old")],
            "libesmtp": [self.path("esmtp")],
            "libcurl": [self.path("curl")],
            "smtplib": [sys.executable, os.path.join(os.path.dirname(__file__), "smtplib_client.py")],
            "lettre": [self.path("lettre/release/bench-lettre")],
        }
        self.cpus = sorted(os.sched_getaffinity(0))
        self.results = []
        self.failures = []

    def path(self, name):
        return os.path.join(self.out, name)

    def has(self, client):
        client = client.split(",")[0]
        wanted = self.arguments.clients.split(",") if self.arguments.clients else None
        return os.path.exists(self.programs[client][-1]) and (not wanted or client in wanted)

    def sink(self, workload):
        key = (workload.sink, workload.tls)
        if key not in self.sinks:
            self.sinks[key] = Sink(self.out, workload.sink, workload.tls, len(self.sinks))
        return self.sinks[key]

    def message_file(self, shape, size):
        """A file with the message, made once."""
        if (shape, size) not in self.files:
            name = self.path(f"message-{shape}")
            end = b"\n" if shape == "lf" else b"\r\n"
            line = b"a" * 76 + end
            head = b"Subject: Benchmark" + 2 * end
            head = head[:18] + b"x" * ((size - len(head)) % len(line)) + head[18:]
            with open(name, "wb") as file:
                file.write(head)
                block = line * 10000
                lines = (size - len(head)) // len(line)
                for _ in range(lines // 10000):
                    file.write(block)
                file.write(line * (lines % 10000))
            self.files[shape, size] = name
        return self.files[shape, size]

    def once(self, workload, client, count, cpus):
        sink = self.sink(workload)
        options = {"--port": str(sink.port), "--count": str(count), "--recipients": str(workload.recipients),
                   "--size": str(workload.size), **workload.options, **workload.per_client.get(client, {})}
        if workload.tls:
            options["--ca"] = sink.certificate
        if "--file" in options:
            options["--file"] = self.message_file(options["--file"], workload.size)
        program = self.programs[client.split(",")[0]]
        command = program + [word for pair in options.items() for word in pair]
        cpu = SINK_CPU if cpus == 1 else self.cpus[1]
        sink.totals()
        done = subprocess.run(["taskset", "-c", str(cpu), *command], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              text=True, timeout=180)
        if done.returncode:
            raise Failed(f"{client} ended with {done.returncode}: {done.stderr.strip()}")
        sample = {name: float(value) for name, value in (word.split("=") for word in done.stdout.split())}
        totals = sink.totals()
        if totals["messages"] != count:
            raise Failed(f"{client}: {totals['messages']} messages arrived, not {count}")
        octets = workload.octets(client)
        # Some send the empty line that ends the data after a line end of the message's own.
        if octets and not count * octets <= totals["octets"] <= count * (octets + 200):
            raise Failed(f"{client}: {totals['octets']} octets arrived")
        sample["octets"] = totals["octets"]
        sample["flights"] = totals["flights"] / count
        amount = count * workload.size / 1e6 if workload.unit == "MB/s" else count
        sample["rate"] = amount / sample["seconds"]
        sample["cpu"] = sample["cpu"] * 1e6 / count
        sample["cpu_both"] = sample["cpu"] + totals["cpu"] / count
        return sample

    def measure(self, workload):
        quick = self.arguments.quick
        for cpus in workload.cpus:
            if cpus > len(self.cpus):
                continue
            if self.arguments.compare:
                workload = against_old(workload)
            samples = {client: [] for client in workload.counts if self.has(client)}
            rounds = 1 if quick else self.arguments.rounds or workload.rounds
            for number in range(rounds):
                # Neither always follows the other.
                for client in sorted(samples, reverse=number % 2) if self.arguments.compare else samples:
                    if client in workload.slow and number >= 3:
                        continue
                    count = workload.counts[client]
                    if quick and count > 1:
                        count = max(2, count // 50)
                    try:
                        samples[client].append(self.once(workload, client, count, cpus))
                    except (Failed, subprocess.TimeoutExpired) as failure:
                        self.failures.append(f"{workload.name}, {cpus} CPUs: {failure}")
            for client, list_ in samples.items():
                if not list_:
                    continue
                self.results.append({"workload": workload.name, "title": workload.title, "cpus": cpus,
                                     "client": client, "unit": workload.unit, "flights": workload.flights,
                                     "samples": list_})
            if not self.arguments.compare:
                self.show(workload, cpus)

    def of(self, name, client, cpus, measure):
        for result in self.results:
            if (result["workload"], result["client"], result["cpus"]) == (name, client, cpus):
                return statistics.median(sample[measure] for sample in result["samples"])
        return None

    def show(self, workload, cpus):
        where = "both ends on one CPU" if cpus == 1 else "two CPUs"
        print(f"\n### {workload.title} ({workload.name}; {where})\n")
        head = ["client", workload.unit, "min-max", "of raw", "ours is", "CPU us/message", "both ends", "of raw", "memory KiB"]
        if workload.flights:
            head.append("flights/message")
        rows = [head]
        for result in self.results:
            if (result["workload"], result["cpus"]) != (workload.name, cpus):
                continue
            client = result["client"]
            rates = [sample["rate"] for sample in result["samples"]]
            median = statistics.median(rates)
            raw = self.of(workload.name, "raw", cpus, "rate")
            ours = self.of(workload.name, "ours", cpus, "rate")
            middle = {name: statistics.median(s[name] for s in result["samples"])
                      for name in ("cpu", "cpu_both", "memory_kib", "flights")}
            both = self.of(workload.name, "raw", cpus, "cpu_both")
            row = [client, number(median), f"{number(min(rates))}-{number(max(rates))}",
                   f"{median / raw:.2f}" if raw else "", f"{ours / median:.2f}x" if ours else "",
                   number(middle["cpu"]), number(middle["cpu_both"]),
                   f"{both / middle['cpu_both']:.2f}" if both else "", f"{middle['memory_kib']:,.0f}"]
            if workload.flights:
                row.append(f"{middle['flights']:.2f}")
            rows.append(row)
        table(rows)
        sys.stdout.flush()

    def compare(self):
        """How fast the new build is, in terms of the old one, round by round."""
        rows = [["row", "CPUs", "old", "new", "unit", "new/old", "min-max", ""]]
        slower = False
        for new in self.results:
            if not new["client"].startswith("ours"):
                continue
            name = new["client"].replace("ours", "old", 1)
            old = next((result for result in self.results if result["client"] == name and
                        (result["workload"], result["cpus"]) == (new["workload"], new["cpus"])), None)
            if old is None:
                continue
            rates = [[sample["rate"] for sample in result["samples"]] for result in (old, new)]
            ratios = [b / a for a, b in zip(*rates)]
            ratio = statistics.median(ratios)
            slower = slower or ratio < SLOWER
            rows.append([new["workload"] + new["client"][len("ours"):], str(new["cpus"]),
                         *(number(statistics.median(each)) for each in rates), new["unit"], f"{ratio:.3f}",
                         f"{min(ratios):.2f}-{max(ratios):.2f}", "SLOWER" if ratio < SLOWER else ""])
        print("\n## New against old\n")
        table(rows)
        for failure in self.failures:
            print(f"FAILED: {failure}", file=sys.stderr)
        return 1 if slower or self.failures else 0

    def judge(self):
        rows = [["what", "CPUs", "against", "measured", "goal", ""]]
        for goal in workloads.goals():
            for cpus in (1, 2):
                mine = self.of(goal.workload, goal.client, cpus, goal.measure)
                base = self.of(goal.other or goal.workload, goal.base, cpus, goal.measure) if goal.base else 1
                if mine is None or base is None:
                    continue
                most = goal.measure in ("cpu", "flights", "memory_kib")
                ratio = mine / base
                reached = ratio <= goal.least if most else ratio >= goal.least
                bound = f"{'at most' if most else 'at least'} {goal.least:g}"
                shown = f"{ratio:.2f}" if goal.base else f"{ratio:,.0f}"
                rows.append([goal.text, str(cpus), goal.base or "-", shown, bound, "reached" if reached else "NOT reached"])
        print("\n## Goals\n")
        table(rows)

    def run(self):
        try:
            for workload in workloads.workloads():
                if not self.arguments.only or re.search(self.arguments.only, workload.name):
                    self.measure(workload)
        finally:
            for sink in self.sinks.values():
                sink.stop()
            for name in self.files.values():
                os.remove(name)
        if self.arguments.compare:
            return self.compare()
        self.judge()
        with open(self.path("results.json"), "w") as file:
            json.dump({"results": self.results, "failures": self.failures}, file, indent=1)
        print(f"\nAll samples: {self.path('results.json')}")
        for failure in self.failures:
            print(f"FAILED: {failure}", file=sys.stderr)
        return 1 if any(": raw" in failure or ": ours" in failure for failure in self.failures) else 0


def against_old(workload):
    """The same workload with the old build beside the new one, each way that ours is measured."""
    counts, options = {}, dict(workload.per_client)
    for client, count in workload.counts.items():
        if client.startswith("ours"):
            old = client.replace("ours", "old", 1)
            counts[old] = counts[client] = count
            options[old] = options.get(client, {})
    return dataclasses.replace(workload, counts=counts, per_client=options, slow=())


def number(value):
    if value >= 1000:
        return f"{value:,.0f}"
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def table(rows):
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    for index, row in enumerate(rows):
        cells = [cell.ljust(width) if i == 0 else cell.rjust(width) for i, (cell, width) in enumerate(zip(row, widths))]
        print("| " + " | ".join(cells) + " |")
        if index == 0:
            print("|" + "|".join("-" * (width + 2) if i == 0 else "-" * (width + 1) + ":"
                                  for i, width in enumerate(widths)) + "|")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", required=True)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--only")
    parser.add_argument("--clients")
    parser.add_argument("--compare", action="store_true")
    sys.exit(Bench(parser.parse_args()).run())


main()
