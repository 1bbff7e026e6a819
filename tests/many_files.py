#!/usr/bin/env python3
"""Merges more captures than may be open at once, and measures what that takes. Run by hand: it writes up to 300 MB.

    cargo build --release && python3 tests/many_files.py target/release/ftpwhy

Each file holds one FTP session with a transfer, and a packet of something else at the beginning and at the end, so that
all files overlap; some 200 sessions do. In the last file alone the transfer fails: it must be found, with few files open
and little memory, whatever the files are.
"""

import gzip
import os
import re
import resource
import shutil
import struct
import subprocess
import sys
import tempfile

SERVER = "10.255.0.1"


def checksum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def address(text):
    return bytes(int(part) for part in text.split("."))


def segment(source, target, seq, ack, flags, data=b""):
    """An Ethernet frame with a TCP segment; source and target are (address, port)."""
    tcp = struct.pack(">HHIIBBHHH", source[1], target[1], seq, ack, 0x50, flags, 65535, 0, 0) + data
    pseudo = address(source[0]) + address(target[0]) + struct.pack(">BBH", 0, 6, len(tcp))
    tcp = tcp[:16] + struct.pack(">H", checksum(pseudo + tcp)) + tcp[18:]
    ip = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(tcp), 1, 0x4000, 64, 6, 0) + address(source[0]) + address(target[0])
    ip = ip[:10] + struct.pack(">H", checksum(ip)) + ip[12:]
    return b"\2\0\0\0\0\1\2\0\0\0\0\2\x08\0" + ip + tcp


SYN, ACK, FIN, PSH = 2, 16, 1, 8


def session(number, fails, payload):
    """The frames of a session with one active transfer of `payload` bytes; if it fails, the data SYN has no answer."""
    host = f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"
    client, server = (host, 40000), (SERVER, 21)
    seqs = {client: 1000, server: 5000}
    frames = []

    def send(one, other, flags, data=b""):
        frames.append(segment(one, other, seqs[one], seqs[other] if flags & ACK else 0, flags, data))
        seqs[one] += len(data) + (1 if flags & (SYN | FIN) else 0)

    def say(one, other, line):
        send(one, other, ACK | PSH, line.encode() + b"\r\n")

    send(client, server, SYN)
    send(server, client, SYN | ACK)
    send(client, server, ACK)
    say(server, client, "220 ready")
    for command, reply in [("USER a", "331 password"), ("PASS b", "230 in"), ("TYPE I", "200 ok")]:
        say(client, server, command)
        say(server, client, reply)
    say(client, server, f"PORT {host.replace('.', ',')},195,80")
    say(server, client, "200 ok")
    say(client, server, "RETR file")
    data_client, data_server = (host, 195 * 256 + 80), (SERVER, 20)
    seqs[data_client], seqs[data_server] = 7000, 9000
    if fails:
        for _ in range(3):
            frames.append(segment(data_server, data_client, 9000, 0, SYN))
        say(server, client, "425 cannot open data connection")
    else:
        say(server, client, "150 here it comes")
        send(data_server, data_client, SYN)
        send(data_client, data_server, SYN | ACK)
        send(data_server, data_client, ACK)
        send(data_server, data_client, ACK | PSH, b"x" * payload)
        send(data_client, data_server, ACK)
        send(data_server, data_client, FIN | ACK)
        send(data_client, data_server, FIN | ACK)
        send(data_server, data_client, ACK)
        say(server, client, "226 done")
    say(client, server, "QUIT")
    say(server, client, "221 bye")
    send(server, client, FIN | ACK)
    send(client, server, FIN | ACK)
    send(server, client, ACK)
    return frames


def timed(frames, number):
    """The frames with their times in microseconds, the first and the last of something else."""
    start = 1_700_000_000_000_000
    other = segment((f"10.254.{number >> 8}.{number & 255}", 1), ("10.254.255.255", 2), 0, 0, ACK)
    yield start + number, other
    for turn, frame in enumerate(frames):
        yield start + 1_000_000 + number * 3_000 + turn * 20_000, frame
    yield start + 100_000_000 + number, other


def pcap(frames, number):
    out = [struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 1)]
    for time, frame in timed(frames, number):
        out.append(struct.pack("<IIII", time // 1_000_000, time % 1_000_000, len(frame), len(frame)) + frame)
    return b"".join(out)


def block(kind, body):
    body += b"\0" * (-len(body) % 4)
    return struct.pack("<II", kind, len(body) + 12) + body + struct.pack("<I", len(body) + 12)


def pcapng(frames, number):
    """With two interfaces, of which the second has no packets: a window is kept for what could come out of order."""
    out = [block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1))]
    out += [block(1, struct.pack("<HHI", 1, 0, 0))] * 2
    for time, frame in timed(frames, number):
        out.append(block(6, struct.pack("<IIIII", 0, time >> 32, time & 0xFFFFFFFF, len(frame), len(frame)) + frame))
    return b"".join(out)


def zstd(data):
    return subprocess.run(["zstd", "-q", "-c"], input=data, stdout=subprocess.PIPE, check=True).stdout


KINDS = {
    "pcap": (pcap, None),
    "pcapng": (pcapng, None),
    "pcap.gz": (pcap, lambda data: gzip.compress(data, 1)),
    "pcap.zst": (pcap, zstd),
}


def run(program, folder, open_files, memory):
    """Merges a directory under limits; status, report, complaints, peak memory in MiB, seconds of CPU."""

    def limit():
        resource.setrlimit(resource.RLIMIT_NOFILE, (open_files, open_files))
        resource.setrlimit(resource.RLIMIT_AS, (memory << 20, memory << 20))

    command = [program, "--isolated", "--format", "concise", "--merge", folder]
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        process = subprocess.Popen(command, stdout=out, stderr=err, preexec_fn=limit)
        _, status, usage = os.wait4(process.pid, 0)
        out.seek(0)
        err.seek(0)
        written, complaints = out.read(), err.read()
    status = os.waitstatus_to_exitcode(status)
    return status, written, complaints, usage.ru_maxrss / 1024, usage.ru_utime + usage.ru_stime


def merge(program, count, kind, payload, open_files, memory):
    write, pack = KINDS[kind]
    folder = tempfile.mkdtemp(prefix="many-files-")
    try:
        for number in range(1, count + 1):
            data = write(session(number, number == count, payload), number)
            with open(os.path.join(folder, f"{number:05}.{kind}"), "wb") as out:
                out.write(pack(data) if pack else data)
        status, report, complaints, peak, seconds = run(program, folder, open_files, memory)
    finally:
        shutil.rmtree(folder)
    errors = re.findall(r"^.*/(\S+):\d+: error\[(\S+)\]", report, re.MULTILINE)
    totals = report.splitlines()[-1] if report else "no report"
    good = (
        status == 1
        and complaints == ""
        and errors == [(f"{count:05}.{kind}", "data-syn-unanswered")]
        and totals.startswith(f"{count} transfers in {count} sessions: {count - 1} completed, 1 failed;")
    )
    print(
        f"{'ok' if good else 'WRONG'}: {count} files of {kind} with {payload} bytes of data, at most {open_files} open and "
        f"{memory} MiB of addresses\n    status {status}, {seconds:.1f} s of CPU, peak {peak:.0f} MiB; {errors[:5]}; "
        f"{totals}{complaints[:500]}",
        flush=True,
    )
    return good


def main():
    program = os.path.abspath(sys.argv[1])
    cases = [
        (1200, "pcap", 1000, 256),
        (1200, "pcapng", 1000, 256),
        (1200, "pcap.gz", 1000, 256),
        (1200, "pcap", 60_000, 256),
        (20_000, "pcap", 1000, 256),
        (20_000, "pcapng", 1000, 320),
    ]
    if shutil.which("zstd"):
        cases.append((300, "pcap.zst", 1000, 256))
    good = [merge(program, count, kind, payload, 256, memory) for count, kind, payload, memory in cases]
    sys.exit(0 if all(good) else 1)


if __name__ == "__main__":
    main()
