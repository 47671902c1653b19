"""Python's smtplib: what common.h is for the C programs, and sendmail in a loop."""

import argparse
import resource
import smtplib
import ssl
import time


def kib_of(key):
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith(key))


def make_message(size, shape):
    end = b"\n" if shape == "lf" else b"\r\n"
    width = 1 if shape == "dot" else 76
    header = end.join([b"From: Ann <a@example.org>", b"To: Bob <user0000@example.net>",
                       b"Subject: Benchmark", b"Date: Mon, 23 Nov 2026 12:00:00 +0000",
                       b"Message-ID: <bench.1@example.org>", b"X-Fill: "])
    line = (b"." + b"b" * (width - 1) if shape in ("dot", "dots") else b"b" * width) + end
    lines, fill = divmod(size - len(header) - 2 * len(end), len(line))
    return header + b"x" * fill + 2 * end + line * lines


def send(options, message, sender, count, recipients):
    tls = ssl.create_default_context(cafile=options.ca) if options.ca else None
    to = ["user%04d@example.net" % i for i in range(recipients)]

    def opened():
        client = smtplib.SMTP("127.0.0.1", options.port, local_hostname="bench.example.org")
        if tls:
            client.starttls(context=tls)
        return client

    if options.workload == "connect":
        for _ in range(count):
            with opened() as client:
                client.sendmail(sender, to, message)
        return
    with opened() as client:
        for _ in range(count):
            client.sendmail(sender, to, message)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--workload", default="sequential")
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--recipients", type=int, default=1)
    parser.add_argument("--size", type=int, default=1024)
    parser.add_argument("--shape", default="crlf")
    parser.add_argument("--ca")
    parser.add_argument("--file")
    options = parser.parse_args()
    message = None if options.file else make_message(options.size, options.shape)
    send(options, make_message(1024, options.shape), "warm@example.org", 3, 1)
    with open("/proc/self/clear_refs", "w") as refs:
        refs.write("5")
    resident = kib_of("VmRSS:")
    before = resource.getrusage(resource.RUSAGE_SELF)
    start = time.monotonic()
    if options.file:
        with open(options.file, "rb") as file:
            message = file.read()
    send(options, message, "a@example.org", options.count, options.recipients)
    seconds = time.monotonic() - start
    after = resource.getrusage(resource.RUSAGE_SELF)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    print("seconds=%.9f cpu=%.6f memory_kib=%d" % (seconds, cpu, kib_of("VmHWM:") - resident))


main()
