"""Runs the workloads, checks with the sink that each client sent what it was asked to, and prints
tables. Clients take turns within each round, so that whatever else the machine does meets them
alike; figures are medians over rounds."""

import argparse
import dataclasses
import json
import os
import re
import shutil
import socket
import ssl
import statistics
import subprocess
import sys
import time

import workloads

SINK_CPU = 0
# Where a system's roots are in one file.
BUNDLES = ("/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem",
           "/etc/ssl/cert.pem")
# Measures of which less is better.
COSTS = ("cpu", "flights", "memory_kib", "ms", "cpu_ms", "own_cpu_ms", "added_kib")
# Speed is kept where a row's median is not below that.
SLOWER = 0.97


class Failed(Exception):
    """A client did not do what it was asked to."""


class Sink:
    """One sink process."""

    def __init__(self, out, options, tls, number):
        self.port_file = os.path.join(out, f"sink-{number}.port")
        self.certificate = os.path.join(out, f"sink-{number}.pem") if tls else None
        self.tls_first = "--tls-first" in options
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
            if self.tls_first:
                context = ssl.create_default_context(cafile=self.certificate)
                connection = context.wrap_socket(connection, server_hostname="127.0.0.1")
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
            "gmime": [self.path("gmime")],
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
            if shape == "sparse":
                name += f"-{size}"
                with open(name, "wb") as file:
                    file.truncate(size)
                self.files[shape, size] = name
                return name
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

    def command(self, workload, client, count, sink):
        options = {"--port": str(sink.port), "--count": str(count), "--recipients": str(workload.recipients),
                   "--size": str(workload.size), **workload.options, **workload.per_client.get(client, {})}
        if workload.tls:
            options["--ca"] = sink.certificate if workload.roots == "own" else "system"
        if "--file" in options:
            options["--file"] = self.message_file(options["--file"], workload.size)
        program = self.programs[client.split(",")[0]]
        return program + [word for pair in options.items() for word in pair]

    def environment(self, roots, sink):
        """With the system's roots and the sink's authority among them, in the one form or the other."""
        if roots == "own":
            return dict(os.environ)
        place, nothing = f"{sink.certificate}.{roots}", self.path("no-roots")
        if (roots, place) not in self.files:
            os.makedirs(nothing, exist_ok=True)
            with open(sink.certificate, "rb") as file:
                authority = file.read()
            if roots == "dir":
                self.make_directory(place, sink.certificate, authority)
            else:
                with open(place, "wb") as file:
                    bundle = next((name for name in BUNDLES if os.path.exists(name)), None)
                    if bundle:
                        with open(bundle, "rb") as theirs:
                            file.write(theirs.read())
                    file.write(authority)
            self.files[roots, place] = place
        file, directory = (os.path.join(nothing, "none.pem"), place) if roots == "dir" else (place, nothing)
        return {**os.environ, "SSL_CERT_FILE": file, "SSL_CERT_DIR": directory}

    def make_directory(self, place, certificate, authority):
        shutil.rmtree(place, ignore_errors=True)
        os.makedirs(place)
        theirs = ssl.get_default_verify_paths().openssl_capath
        for name in os.listdir(theirs) if os.path.isdir(theirs) else ():
            if re.fullmatch(r"[0-9a-f]{8}\.\d+", name):
                os.symlink(os.path.realpath(os.path.join(theirs, name)), os.path.join(place, name))
        with open(certificate + ".hash") as file:
            hash_ = file.read().strip()
        number = sum(name.startswith(hash_) for name in os.listdir(place))
        with open(os.path.join(place, f"{hash_}.{number}"), "wb") as file:
            file.write(authority)

    def once_fresh(self, workload, client, count):
        """A process from before it exists until it is gone. Its CPU is what the system counted."""
        sink = self.sink(workload)
        command = self.command(workload, client, count, sink)
        environment = self.environment(workload.roots, sink)
        sink.totals()
        output, write = os.pipe()
        # The child is born where it is to run; taskset would be a program more to start.
        os.sched_setaffinity(0, {self.cpus[1]})
        try:
            begun = time.monotonic()
            child = os.posix_spawn(command[0], command, environment,
                                   file_actions=[(os.POSIX_SPAWN_DUP2, write, 1)])
            _, status, usage = os.wait4(child, 0)
            ended = time.monotonic()
        finally:
            os.sched_setaffinity(0, self.cpus)
            os.close(write)
        with os.fdopen(output) as file:
            words = file.read().split()
        if status:
            raise Failed(f"{client} ended with {os.waitstatus_to_exitcode(status)}")
        told = {name: float(value) for name, value in (word.split("=") for word in words)}
        totals = sink.totals()
        if totals["messages"] != (count if workload.messages else 0):
            raise Failed(f"{client}: {totals['messages']} messages arrived, not {count}")
        if workload.fresh == "behind":
            return {"ms": told["seconds"] * 1e3, "cpu_ms": told["cpu"] * 1e3, "own_cpu_ms": told["cpu"] * 1e3,
                    "rate": 1 / told["seconds"]}
        until = told["accepted"] if workload.fresh == "accepted" else ended
        sample = {"ms": (until - begun) * 1e3, "cpu_ms": (usage.ru_utime + usage.ru_stime) * 1e3,
                  "own_cpu_ms": told["own_cpu"] * 1e3, "added_kib": told["added_kib"]}
        sample["rate"] = 1e3 / sample["ms"] if workload.fresh != "heap" else 1 / sample["added_kib"]
        return sample

    def once(self, workload, client, count, cpus):
        if workload.fresh:
            return self.once_fresh(workload, client, count)
        sink = self.sink(workload)
        command = self.command(workload, client, count, sink)
        cpu = SINK_CPU if cpus == 1 else self.cpus[1]
        sink.totals()
        done = subprocess.run(["taskset", "-c", str(cpu), *command], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              text=True, timeout=180)
        if done.returncode:
            raise Failed(f"{client} ended with {done.returncode}: {done.stderr.strip()}")
        sample = {name: float(value) for name, value in (word.split("=") for word in done.stdout.split())}
        totals = sink.totals()
        if totals["messages"] != (count if workload.messages else 0):
            raise Failed(f"{client}: {totals['messages']} messages arrived, not {count}")
        octets = workload.octets(client)
        # Some send the empty line that ends the data after a line end of the message's own.
        if octets and not count * octets <= totals["octets"] <= count * (octets + 200):
            raise Failed(f"{client}: {totals['octets']} octets arrived")
        sample["octets"] = totals["octets"]
        sample["flights"] = totals["flights"] / count
        sample["resumed"] = totals["resumed"] / max(1, totals["connections"])
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
                turns = self.arguments.compare or workload.fresh
                for client in sorted(samples, reverse=number % 2) if turns else samples:
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
                (self.show_fresh if workload.fresh else self.show)(workload, cpus)

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
        if workload.name.endswith("connect") and workload.tls:
            head.append("resumed")
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
                      for name in ("cpu", "cpu_both", "memory_kib", "flights", "resumed")}
            both = self.of(workload.name, "raw", cpus, "cpu_both")
            row = [client, number(median), f"{number(min(rates))}-{number(max(rates))}",
                   f"{median / raw:.2f}" if raw else "", f"{ours / median:.2f}x" if ours else "",
                   number(middle["cpu"]), number(middle["cpu_both"]),
                   f"{both / middle['cpu_both']:.2f}" if both else "", f"{middle['memory_kib']:,.0f}"]
            if workload.flights:
                row.append(f"{middle['flights']:.2f}")
            if "resumed" in head:
                row.append(f"{100 * middle['resumed']:.0f} %")
            rows.append(row)
        table(rows)
        sys.stdout.flush()

    def show_fresh(self, workload, cpus):
        print(f"\n### {workload.title} ({workload.name}; two CPUs)\n")
        rows = [["client", "heap KiB"] if workload.fresh == "heap" else
                ["client", "ms", "min-max", "less raw", "raw / it", "CPU ms", "min-max", "less raw", "of raw", "from main on"]]
        for client in ("raw", "ours"):
            def middle(measure, of=client):
                return self.of(workload.name, of, cpus, measure)

            def spread(measure):
                samples = next(result["samples"] for result in self.results
                               if (result["workload"], result["client"]) == (workload.name, client))
                values = [sample[measure] for sample in samples]
                return f"{number(min(values))}-{number(max(values))}"
            if middle("ms") is None:
                continue
            if workload.fresh == "heap":
                rows.append([client, number(middle("added_kib"))])
                continue
            ms, cpu, raw, raw_cpu = middle("ms"), middle("cpu_ms"), middle("ms", "raw"), middle("cpu_ms", "raw")
            against = [""] * 4 if raw is None else [f"{ms - raw:+.2f}", f"{raw / ms:.2f}", f"{cpu - raw_cpu:+.2f}",
                                                    f"{cpu / raw_cpu:.2f}"]
            rows.append([client, number(ms), spread("ms"), *against[:2], number(cpu), spread("cpu_ms"), *against[2:],
                         number(middle("own_cpu_ms"))])
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
                most = goal.measure in COSTS
                ratio = mine - base if goal.adds else mine / base
                reached = ratio <= goal.least if most else ratio >= goal.least
                bound = f"{'at most' if most else 'at least'} {'+' if goal.adds else ''}{goal.least:g}"
                shown = f"{ratio:+.2f}" if goal.adds else f"{ratio:.2f}" if goal.base else number(ratio)
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
                shutil.rmtree(name) if os.path.isdir(name) else os.remove(name)
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
