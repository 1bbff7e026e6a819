"""Makes an archive of two taps with twenty files each: archive.py FOLDER FIXTURES.

An hour of a link: captures of the project, so placed that the borders of files and windows (300 s) cut their sessions,
transfers and a TIME-WAIT, among made-up traffic of other hosts. The tap `right` sees it 1.5 ms later, with a clock that is 4 s
ahead.
"""
import os
import random
import struct
import sys

BEGIN = 1_767_225_600  # 2026-01-01, a border of windows
WINDOW, FILE, FILES = 300, 180, 20
SERVER = bytes([10, 2, 0, 20])
# Captures, how much of each lies before a border, and the last octet of its server: servers have habits, and each keeps to its
# own. A server that says its address in a reply keeps it.
PLACED = [
    ("time-wait-collision/fires-lab-vsftpd.pcap", 0.55, 21),
    ("time-wait-passive-reuse/fires-lab-vsftpd.pcap", 0.5, 20),
    ("data-syn-refused/fires-lab-vsftpd.pcap", 0.7, 22),
    ("time-wait-collision/fires-lab-vsftpd-three-tries.pcap", 0.6, 21),
    ("time-wait-reuse-accepted/fires-lab-vsftpd.pcap", 0.5, 23),
    ("time-wait-collision/silent-lab-vsftpd-random-ports.pcap", 0.5, 24),
]


def frames(path):
    with open(path, "rb") as file:
        data = file.read()
    (magic,) = struct.unpack_from("<I", data)
    assert magic == 0xA1B2C3D4 and struct.unpack_from("<I", data, 20) == (1,), f"{path}: no Ethernet in little-endian pcap"
    at, found = 24, []
    while at + 16 <= len(data):
        seconds, micros, captured, length = struct.unpack_from("<4I", data, at)
        found.append((seconds * 1_000_000 + micros, data[at + 16:at + 16 + captured], length))
        at += 16 + captured
    return found


def checksum(data):
    total = sum(struct.unpack(f">{len(data + len(data) % 2 * bytes(1)) // 2}H", data + len(data) % 2 * bytes(1)))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total ^ 0xFFFF


def anew(data, border, octet):
    """A segment as hosts would send it at another time: other sequence numbers, later time stamps, a MAC for each host."""
    end = 14 + struct.unpack_from(">H", data, 16)[0]
    assert data[23] == 6 and data[14] == 0x45 and len(data) >= end, "no TCP in plain IPv4"
    named = lambda host: host[:3] + bytes([octet]) if host == SERVER else host
    source, target = named(data[26:30]), named(data[30:34])
    header = data[14:24] + bytes(2) + source + target
    header = header[:10] + struct.pack(">H", checksum(header)) + header[12:]
    ethernet = b"\x02\x00" + target + b"\x02\x00" + source + b"\x08\x00"
    tcp, begins = bytearray(data[34:end]), lambda host: random.Random(host + str(border).encode()).getrandbits(32)
    sequence, acknowledged = struct.unpack_from(">II", tcp, 4)
    struct.pack_into(">I", tcp, 4, (sequence + begins(source)) & 0xFFFFFFFF)
    if tcp[13] & 0x10:
        struct.pack_into(">I", tcp, 8, (acknowledged + begins(target)) & 0xFFFFFFFF)
    at = 20
    while at < (tcp[12] >> 4) * 4 and tcp[at]:
        if tcp[at] == 8:
            stamps = struct.unpack_from(">II", tcp, at + 2)
            struct.pack_into(">II", tcp, at + 2, *((stamp and stamp + (border - BEGIN) * 1000) & 0xFFFFFFFF for stamp in stamps))
        at += 1 if tcp[at] == 1 else max(tcp[at + 1], 2)
    struct.pack_into(">H", tcp, 16, 0)
    struct.pack_into(">H", tcp, 16, checksum(source + target + struct.pack(">HH", 6, len(tcp)) + bytes(tcp)))
    return ethernet + header + bytes(tcp) + data[end:]


def placed(path, border, share, octet):
    """The TCP segments of a capture around a border."""
    found = [frame for frame in frames(path) if frame[1][12:14] == b"\x08\x00" and frame[1][23] == 6]
    first, last = found[0][0], found[-1][0]
    shift = border * 1_000_000 - first - int((last - first) * share)
    return [(at + shift, anew(data, border, octet), length) for at, data, length in found]


def others(dice, at):
    """A packet of a connection that has nothing to do with FTP."""
    client, port = bytes([10, 77, 0, dice.randrange(2, 60)]), dice.randrange(40000, 40064)
    payload = dice.randbytes(dice.randrange(100, 1200))
    tcp = struct.pack(">HHIIBBHHH", port, 443, at & 0xFFFFFFFF, 1, 0x50, 0x18, 500, 0, 0) + payload
    header = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(tcp), at & 0xFFFF, 0, 63, 6, 0, client, bytes([10, 77, 1, 1]))
    data = b"\x02\x00" + bytes([10, 77, 1, 1]) + b"\x02\x00" + client + b"\x08\x00" + header + tcp
    return at, data, len(data)


def main():
    folder, fixtures = sys.argv[1:]
    dice, link = random.Random(1), []
    for turn in range(1, FILES * FILE // WINDOW):
        name, share, octet = PLACED[turn % len(PLACED)]
        link += placed(os.path.join(fixtures, name), BEGIN + turn * WINDOW, share, octet)
    for turn in range(1, FILES):
        # Some files end within a session that no window cuts.
        if turn * FILE % WINDOW:
            name, share, octet = PLACED[(turn * 2 + 1) % len(PLACED)]
            link += placed(os.path.join(fixtures, name), BEGIN + turn * FILE, share, octet)
    begin, end = BEGIN * 1_000_000, (BEGIN + FILES * FILE) * 1_000_000
    link += [others(dice, dice.randrange(begin, end)) for _ in range(20_000)]
    link.sort(key=lambda frame: frame[0])
    for tap, late, ahead in (("left", 0, 0), ("right", 1500, 4_000_000)):
        os.makedirs(os.path.join(folder, tap))
        files = [[] for _ in range(FILES)]
        for at, data, length in link:
            files[min((at - begin) // (FILE * 1_000_000), FILES - 1)].append((at + late + ahead, data, length))
        for number, some in enumerate(files):
            with open(os.path.join(folder, tap, f"{tap}-{number:02}.pcap"), "wb") as file:
                file.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 1))
                for at, data, length in some:
                    file.write(struct.pack("<4I", at // 1_000_000, at % 1_000_000, len(data), length) + data)


if __name__ == "__main__":
    main()
