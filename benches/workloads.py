"""What is measured: workloads, and the ratios that must be reached."""

from dataclasses import dataclass, field

MIB = 1024 * 1024
LARGE = 64 * MIB



@dataclass
class Workload:
    name: str
    title: str
    # client -> number of messages (connections); the options that are the client's own
    counts: dict
    options: dict = field(default_factory=dict)
    per_client: dict = field(default_factory=dict)
    sink: tuple = ()  # options of the sink
    tls: bool = False
    unit: str = "messages/s"
    cpus: tuple = (1, 2)
    rounds: int = 5
    # clients measured in fewer rounds, because they take long and hardly vary
    slow: tuple = ()
    recipients: int = 1
    size: int = 1024
    flights: bool = False  # the sink's count means something here
    # A process for each round, measured from outside: until its first message was "accepted", until
    # its "exit"; the "heap" that it tells of; or what it measures "behind" a client that is gone
    fresh: str = ""
    roots: str = "own"  # who trusts the sink's authority: "own", or the system's "dir" or "bundle"
    messages: bool = True  # the clients send any

    def octets(self, client):
        """What one message must amount to; None if clients differ by right."""
        return self.size if self.options.get("--shape", "crlf") == "crlf" else None


def sequential(name, title, counts, **more):
    own = {"raw": {"--workload": "sequential"}}
    return Workload(name, title, counts, per_client=own, **more)


def batch(name, title, messages, **more):
    own = {"raw": {"--workload": "batch"}, "ours": {"--workload": "batch"},
           "ours, stream": {"--workload": "stream"}, "ours, sequential": {"--workload": "sequential"},
           "raw, one flight": {"--workload": "sequential"}}
    counts = {client: messages for client in own if client in more.pop("clients", ("raw", "ours", "ours, stream"))}
    return Workload(name, title, counts, per_client=own, **more)


NO_CHUNKING = ("--no-chunking",)
ALL = ("raw", "ours", "libesmtp", "libcurl", "smtplib", "lettre")
# libESMTP 1.1 waits for ever under TLS when several replies arrive in one record.
TLS = tuple(client for client in ALL if client != "libesmtp")


def large(name, title, raw, clients=ALL, shape="crlf", file=False, **more):
    options = {"--workload": "large", "--shape": shape, "--size": str(LARGE)}
    if file:
        options["--file"] = shape
    return Workload(name, title, {client: 1 for client in clients}, options=options,
                    per_client={"raw": {"--workload": raw}}, unit="MB/s", size=LARGE, **more)


def workloads():
    sizes = {"raw": 20000, "ours": 20000, "libesmtp": 8000, "libcurl": 4000, "smtplib": 4000, "lettre": 4000}
    some = {"raw": 10000, "ours": 10000, "libcurl": 2000, "smtplib": 2000, "lettre": 2000}
    yield sequential("sequential", "1 KiB, one after the other", sizes)
    yield batch("batch", "1 KiB, batch", 200000)
    yield batch("batch-pipelining", "1 KiB, batch, server with PIPELINING alone", 50000, sink=NO_CHUNKING,
                clients=("ours", "ours, stream"))
    for delay in (20, 100):
        sink = ("--delay-ms", str(delay))
        slow = 50 if delay == 20 else 10
        yield batch(f"rtt{delay}-50", f"1 KiB, 50 messages, {delay} ms round trip", 50, sink=sink, cpus=(2,),
                    flights=True, rounds=5, clients=("raw", "ours", "ours, stream"))
        yield batch(f"rtt{delay}-1000", f"1 KiB, 1,000 messages, {delay} ms round trip", 1000, sink=sink, cpus=(2,),
                    flights=True, rounds=5, clients=("raw", "ours", "ours, stream"))
        yield sequential(f"rtt{delay}-sequential", f"1 KiB, {slow} messages one after the other, {delay} ms round trip",
                         {client: slow for client in ALL}, sink=sink, cpus=(2,), flights=True, rounds=3, slow=ALL)
    yield large("large-bdat", "64 MiB, CRLF, BDAT where the client can", "large")
    yield large("large-data", "64 MiB, CRLF, DATA", "large-data", sink=NO_CHUNKING)
    yield large("large-fd", "64 MiB, CRLF, from a descriptor, BDAT", "large", file=True)
    yield large("large-fd-data", "64 MiB, CRLF, from a descriptor, DATA", "large-data", file=True,
                sink=NO_CHUNKING, clients=("raw", "ours"))
    names = {"lf": "bare LF", "dots": "a dot before every line", "dot": "every line a dot"}
    for shape, name in names.items():
        yield large(f"{shape}-bdat", f"64 MiB, {name}, BDAT where the client can", "escape-bdat", shape=shape,
                    clients=("raw", "ours"))
        # smtplib takes 5 GB and 4 s for 22 million lines.
        yield large(f"{shape}-data", f"64 MiB, {name}, DATA", "escape", shape=shape, sink=NO_CHUNKING,
                    clients=[client for client in ALL if (client, shape) != ("smtplib", "dot")])
    yield large("lf-fd", "64 MiB, bare LF, from a descriptor, BDAT", "escape-bdat", shape="lf", file=True,
                clients=("ours",))
    yield Workload("mime-build", "A mail of 10 KiB built in memory", {"ours": 20000, "gmime": 5000},
                   options={"--workload": "build", "--shape": "lf"}, cpus=(1,), messages=False)
    yield from mime_workloads()
    yield Workload("recipients", "1,000 recipients, 20 ms round trip", {c: 1 for c in ("raw", "ours", "libesmtp")},
                   recipients=1000, sink=("--delay-ms", "20"), cpus=(2,), flights=True)
    yield Workload("recipients-others", "1,000 recipients, 1 ms round trip (20 would take them 20 s)",
                   {c: 1 for c in ("ours", "libcurl", "smtplib", "lettre")}, recipients=1000,
                   sink=("--delay-ms", "1"), cpus=(2,), flights=True, rounds=1)
    yield Workload("connect", "1 KiB, a connection for each", {client: 300 for client in ALL},
                   options={"--workload": "connect"})
    # Over TLS
    yield sequential("tls-sequential", "TLS: 1 KiB, one after the other", some, tls=True)
    yield batch("tls-batch", "TLS: 1 KiB, batch", 50000, tls=True)
    yield batch("tls-rtt20-50", "TLS: 1 KiB, 50 messages, 20 ms round trip", 50, tls=True,
                sink=("--delay-ms", "20"), cpus=(2,), flights=True)
    yield batch("tls-rtt20-1000", "TLS: 1 KiB, 1,000 messages, 20 ms round trip", 1000, tls=True,
                sink=("--delay-ms", "20"), cpus=(2,), flights=True)
    yield large("tls-large-bdat", "TLS: 64 MiB, CRLF, BDAT", "large", clients=("raw", "ours"), tls=True)
    yield large("tls-large-data", "TLS: 64 MiB, CRLF, DATA", "large-data", clients=TLS, tls=True, sink=NO_CHUNKING)
    yield large("tls-large-fd", "TLS: 64 MiB, CRLF, from a descriptor, BDAT", "large", clients=("raw", "ours"),
                file=True, tls=True)
    yield large("tls-lf-data", "TLS: 64 MiB, bare LF, DATA", "escape", shape="lf", clients=("raw", "ours", "libcurl"),
                tls=True, sink=NO_CHUNKING)
    yield large("tls-dots-data", "TLS: 64 MiB, a dot before every line, DATA", "escape", shape="dots",
                clients=("raw", "ours", "libcurl"), tls=True, sink=NO_CHUNKING)
    yield Workload("tls-recipients", "TLS: 1,000 recipients, 20 ms round trip", {c: 1 for c in ("raw", "ours")},
                   recipients=1000, sink=("--delay-ms", "20"), cpus=(2,), flights=True, tls=True)
    yield Workload("tls-connect", "TLS: 1 KiB, a connection for each, resumed", connections(TLS),
                   options={"--workload": "connect"}, tls=True)
    yield Workload("tls-first-connect", "TLS from the first byte: 1 KiB, a connection for each, resumed",
                   connections(("raw", "ours", "libcurl")), options={"--workload": "connect", "--tls-first": "yes"},
                   tls=True, sink=("--tls-first",))
    # libcurl 7.88 resumes no session of TLS 1.3 by STARTTLS.
    yield Workload("tls12-connect", "TLS 1.2: 1 KiB, a connection for each, resumed",
                   connections(("raw", "ours", "libcurl")), options={"--workload": "connect"}, tls=True,
                   sink=("--tls12",))
    yield from fresh_workloads()


def mime_workloads():
    """The raw program has the base64 ready-made, and sends as many octets."""
    for name, text, raw, sink in (("bdat", "BDAT", "large", ()), ("data", "DATA", "large-data", NO_CHUNKING)):
        yield Workload(f"mime-{name}", f"64 MiB attached, {text}", {"raw": 1, "ours": 1},
                       options={"--workload": "mime", "--shape": "base64", "--size": str(LARGE)},
                       per_client={"raw": {"--workload": raw}}, unit="MB/s", size=LARGE, sink=sink)
        yield Workload(f"mime-file-{name}", f"64 MiB attached from a descriptor, {text}", {"raw": 1, "ours": 1},
                       options={"--workload": "mime", "--shape": "base64", "--size": str(LARGE)},
                       per_client={"raw": {"--workload": raw}, "ours": {"--file": "sparse"}}, unit="MB/s", size=LARGE,
                       sink=sink)
        yield Workload(f"mime-fd-{name}", f"2 GiB attached from a descriptor, {text}", {"ours": 1},
                       options={"--workload": "mime", "--shape": "base64", "--size": "65536", "--file": "sparse"},
                       unit="MB/s", size=2048 * MIB, sink=sink, cpus=(2,), rounds=1)


def connections(clients):
    # Who does not resume takes five times as long.
    return {client: 300 if client in ("raw", "ours") else 60 for client in clients}


ROOTS = {"own": "own CA", "dir": "system's roots, a directory", "bundle": "system's roots, a file"}


def fresh(name, title, workload, until, roots="own", rounds=20, **more):
    options = {"--workload": workload, **more.pop("options", {})}
    if until != "behind":
        options["--fresh"] = "yes"
    more = {"counts": {"raw": 1, "ours": 1}, **more}
    return Workload(name, title, options=options, fresh=until, roots=roots, tls=True, cpus=(2,), rounds=rounds, **more)


def fresh_workloads():
    for roots, text in ROOTS.items():
        yield fresh(f"fresh-first-{roots}", f"Fresh process: to the first message, STARTTLS and AUTH, 20 ms, {text}",
                    "first", "accepted", roots, sink=("--delay-ms", "20"))
    for roots, text in ROOTS.items():
        yield fresh(f"fresh-handshake-{roots}", f"Fresh process: nothing but a handshake, {text}",
                    "handshake", "exit", roots, rounds=30, messages=False)
    for roots in ("dir", "bundle"):
        yield fresh(f"client-handshake-{roots}", f"A client's handshake, behind another client that is freed, {ROOTS[roots]}",
                    "handshake", "behind", roots, messages=False)
    for roots in ("dir", "bundle"):
        yield fresh(f"fresh-memory-{roots}", f"Heap that a second client adds, {ROOTS[roots]}",
                    "memory", "heap", roots, rounds=3, messages=False)
    yield fresh("fresh-batch", "Fresh process: 1 KiB, batch of 3,000", "batch", "exit", counts={"raw": 3000, "ours": 3000})
    for name, text, options in (("fresh-large", "from memory", {}), ("fresh-large-fd", "from a descriptor", {"--file": "crlf"})):
        yield fresh(name, f"Fresh process: 64 MiB, {text}", "large", "exit", rounds=10, size=LARGE, options=options)


@dataclass
class Goal:
    """`workload`'s `client` against `base` (a client of `other`, or of the same workload)."""
    text: str
    workload: str
    client: str
    base: str
    least: float
    other: str = ""
    measure: str = "rate"
    adds: bool = False  # `least` is what may come on top of the base, not a ratio


def goals():
    for tls in ("", "tls-"):
        raw = 0.85
        yield Goal("1 KiB sequential", tls + "sequential", "ours", "raw", raw)
        if not tls:
            yield Goal("1 KiB sequential", "sequential", "ours", "libcurl", 4)
            yield Goal("1 KiB sequential", "sequential", "ours", "libesmtp", 2)
            yield Goal("CPU per message, sequential", "sequential", "ours", "raw", 1.2, measure="cpu")
        yield Goal("1 KiB batch", tls + "batch", "ours", "raw", raw if tls else 0.5)
        if not tls:
            yield Goal("1 KiB batch", "batch", "ours", "libcurl", 40, other="sequential")
        for delay in (20, 100):
            for count in (50, 1000):
                if not tls or delay == 20:
                    yield Goal(f"1 KiB batch of {count}, {delay} ms", f"{tls}rtt{delay}-{count}", "ours", "raw",
                               raw if tls else 0.95)
                    if not tls and delay == 20:
                        yield Goal(f"1 KiB batch of {count}, {delay} ms", f"rtt20-{count}", "ours", "libcurl", 40,
                                   other="rtt20-sequential")
        yield Goal("64 MiB CRLF by BDAT", tls + "large-bdat", "ours", "raw", raw)
        yield Goal("64 MiB CRLF by DATA", tls + "large-data", "ours", "raw", raw)
        for shape, name in (("lf", "bare LF"), ("dots", "a dot before every line"), ("dot", "every line a dot")):
            if tls and shape == "dot":
                continue
            yield Goal(f"64 MiB {name} by DATA", f"{tls}{shape}-data", "ours", "raw", raw if tls else 0.8)
            if not tls:
                yield Goal(f"64 MiB {name} by BDAT", f"{shape}-bdat", "ours", "raw", 0.8)
                yield Goal(f"64 MiB {name} by DATA", f"{shape}-data", "ours", "libcurl", 2)
        yield Goal("1,000 recipients at 20 ms: flights", tls + "recipients", "ours", "", 3, measure="flights")
        for name in ("tls-connect", "tls-first-connect", "tls12-connect") if tls else ():
            yield Goal(f"a connection for each message ({name})", name, "ours", "raw", raw)
            yield Goal(f"a connection for each message ({name})", name, "ours", "libcurl", 1)
            yield Goal(f"the same, CPU ({name})", name, "ours", "libcurl", 1, measure="cpu")
        for name in (("large-fd", "large-fd-data") if not tls else ("tls-large-fd",)):
            yield Goal(f"memory added by 64 MiB from a descriptor ({name}), KiB", name, "ours", "", 1024,
                       measure="memory_kib")
    yield Goal("a mail of 10 KiB built", "mime-build", "ours", "gmime", 2)
    for name in ("bdat", "data"):
        yield Goal(f"64 MiB attached ({name})", f"mime-{name}", "ours", "raw", 0.8)
        yield Goal(f"64 MiB attached from a descriptor ({name})", f"mime-file-{name}", "ours", "raw", 0.8)
        yield Goal(f"memory added by 2 GiB attached ({name}), KiB", f"mime-fd-{name}", "ours", "", 1024,
                   measure="memory_kib")
    for roots, text in ROOTS.items():
        yield Goal(f"start to first message, {text}, ms", f"fresh-first-{roots}", "ours", "raw",
                   3 if roots == "own" else 6, measure="ms", adds=True)
    yield Goal("CPU of the first handshake, own CA", "fresh-handshake-own", "ours", "raw", 1.3, measure="cpu_ms")
    for roots in ("dir", "bundle"):
        # 3 ms where a handshake takes OpenSSL itself 0.4.
        yield Goal(f"CPU of a client's first handshake, {ROOTS[roots]}, ms", f"client-handshake-{roots}", "ours", "raw",
                   2.6, other="client-handshake-dir", measure="cpu_ms", adds=True)
        yield Goal(f"heap that a second client adds, {ROOTS[roots]}, KiB", f"fresh-memory-{roots}", "ours", "", 64,
                   measure="added_kib")
    yield Goal("batch of 3,000, start to exit", "fresh-batch", "ours", "raw", 0.6)
    for name in ("fresh-large", "fresh-large-fd"):
        yield Goal(f"64 MiB, start to exit ({name})", name, "ours", "raw", 0.9)
