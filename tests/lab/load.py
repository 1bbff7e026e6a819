"""Loads `ftpwhy live` with FTP at given rates, and prints what became of the packets as a table.

    python3 tests/lab/load.py FTPWHY [--rates 6000,14000,24000] [--seconds 7] [--filter passing|all]
                              [--interfaces vb|any|two] [-- OPTION of ftpwhy live...]

Needs root. Makes a network namespace (`fw<pid>`) with veth pairs of its own and removes it. Sends frames that were
built before: 20 a transfer, one transfer in 50 refused, half of them in sessions that never end and half in sessions
of ten, beside one packet in five of others. `passing` counts the frames that the default filter lets pass, which are
all but the payload of data connections. What was sent must be what was judged and what was dropped together: what is
missing must be 0. `lost` is what the namespace itself lost on a busy machine, before anybody could capture it.
"""
import argparse, ctypes, json, os, random, signal, socket, struct, subprocess, sys, tempfile, threading, time

LIBC = ctypes.CDLL(None, use_errno=True)
SYN, ACK, PSH, FIN, RST = 2, 16, 8, 1, 4
SERVER = bytes([10, 2, 0, 20])
LANES = 4


def checksum(data):
    if len(data) % 2: data += b'\0'
    total = sum(struct.unpack(f'!{len(data) // 2}H', data))
    total = (total >> 16) + (total & 0xffff)
    return ~(total + (total >> 16)) & 0xffff


class Connection:
    """One TCP connection: frames of both directions with the right numbers and checksums."""
    def __init__(self, client, client_port, server, server_port):
        self.ends = ((client, client_port), (server, server_port))
        self.next = [random.getrandbits(32), random.getrandbits(32)]

    def frame(self, by, flags, payload=b''):
        (source, sport), (destination, dport) = self.ends[by], self.ends[1 - by]
        ack = self.next[1 - by] if flags & ACK else 0
        tcp = struct.pack('!HHIIBBHHH', sport, dport, self.next[by], ack, 0x50, flags, 64240, 0, 0) + payload
        total = checksum(source + destination + struct.pack('!HH', 6, len(tcp)) + tcp)
        tcp = tcp[:16] + struct.pack('!H', total) + tcp[18:]
        ip = struct.pack('!BBHHHBBH', 0x45, 0, 20 + len(tcp), 0, 0x4000, 64, 6, 0) + source + destination
        ip = ip[:10] + struct.pack('!H', checksum(ip)) + ip[12:]
        self.next[by] = (self.next[by] + len(payload) + bool(flags & (SYN | FIN))) & 0xffffffff
        macs = (b'\x02\0\0\0\0\x01', b'\x02\0\0\0\0\x02')
        return macs[1 - by] + macs[by] + b'\x08\0' + ip + tcp

    def open(self):
        return [self.frame(0, SYN), self.frame(1, SYN | ACK), self.frame(0, ACK)]

    def close(self, by):
        return [self.frame(by, FIN | ACK), self.frame(1 - by, FIN | ACK), self.frame(by, ACK)]

    def line(self, by, text):
        return [self.frame(by, PSH | ACK, text.encode() + b'\r\n'), self.frame(1 - by, ACK)]


def transfer(control, client, port, fails):
    listing = ','.join(map(str, client)) + f',{port >> 8},{port & 255}'
    data = Connection(SERVER, 20, client, port)
    yield from control.line(0, 'PORT ' + listing)
    yield from control.line(1, '200 PORT command successful.')
    yield from control.line(0, f'RETR file-{port}.bin')
    if fails:
        yield data.frame(0, SYN)
        yield data.frame(1, RST | ACK)
        yield from control.line(1, '425 Failed to establish connection.')
        return
    yield from control.line(1, '150 Opening BINARY mode data connection.')
    yield from data.open()
    yield data.frame(0, PSH | ACK, b'\0' * 400)
    yield data.frame(1, ACK)
    yield from data.close(0)
    yield from control.line(1, '226 Transfer complete.')


def lane(number):
    """Sessions one after the other from one client."""
    client, count, port = bytes([10, 1, 1, number + 10]), 0, 40000
    for session in range(1 << 30):
        control = Connection(client, 2000 + session % 30000, SERVER, 21)
        yield from control.open()
        for by, text in (1, '220 lab'), (0, 'USER labftp'), (1, '331 Password.'), (0, 'PASS labpw'), (1, '230 In.'):
            yield from control.line(by, text)
        transfers = 0
        while number % 2 == 0 or transfers < 10:
            count, transfers, port = count + 1, transfers + 1, 5000 + (port - 4999) % 55000
            yield from transfer(control, client, port, count % 50 == 49)
        yield from control.line(0, 'QUIT')
        yield from control.line(1, '221 Goodbye.')
        yield from control.close(1)


def others():
    """Connections that have nothing to do with FTP."""
    while True:
        peer = Connection(bytes([10, 3, random.randrange(256), random.randrange(1, 255)]), random.randrange(1024, 65535),
                          bytes([10, 4, 0, random.randrange(1, 255)]), 443)
        yield from peer.open()
        for _ in range(4): yield peer.frame(0, ACK)
        yield from peer.close(0)


def frames(count):
    """So many frames in the order of sending, and of each whether the default filter lets it pass."""
    lanes, rest, made = [lane(n) for n in range(LANES)], others(), []
    while len(made) < count:
        for one in lanes:
            made += [next(one) for _ in range(random.randrange(1, 4))]
        made += [next(rest) for _ in range(LANES // 2)]
    made = made[:count]
    hidden = lambda f: len(f) > 54 and 21 not in struct.unpack('!HH', f[34:38]) and f[47] & 7 == 0
    return made, sum(not hidden(f) for f in made)


def sh(line, check=True):
    subprocess.run(line, shell=True, check=check)


class Namespace:
    def __init__(self):
        self.name = f'fw{os.getpid()}'
        self.home = os.open('/proc/self/ns/net', os.O_RDONLY)

    def __enter__(self):
        sh(f'ip netns add {self.name}')
        LIBC.setns(os.open(f'/var/run/netns/{self.name}', os.O_RDONLY), 0x40000000)
        # A namespace of its own for /sys too is not needed: nothing here is counted there.
        sh('sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1')
        for a, b in ('va', 'vb'), ('wa', 'wb'):
            sh(f'ip link add {a} type veth peer name {b}')
            for one in a, b: sh(f'ip link set {one} arp off up')
        return self

    def __exit__(self, *_):
        LIBC.setns(self.home, 0x40000000)
        sh(f'ip netns del {self.name}', check=False)


class Memory(threading.Thread):
    """The highest resident set that was seen."""
    def __init__(self, pid):
        super().__init__(daemon=True)
        self.pid, self.peak = pid, 0
        self.start()

    def run(self):
        while True:
            try: text = open(f'/proc/{self.pid}/status').read()
            except OSError: return
            peak = [l.split()[1] for l in text.splitlines() if l.startswith('VmHWM')]
            if not peak: return
            self.peak = max(self.peak, int(peak[0]))
            time.sleep(0.05)


def send(sockets, made, rate):
    """Sends at this rate; how many seconds it took."""
    begin = time.perf_counter()
    done = 0
    while done < len(made):
        due = min(len(made), int((time.perf_counter() - begin) * rate) + 1)
        for place in range(done, due): sockets[place % len(sockets)].send(made[place])
        done = due
        time.sleep(0.001)
    return time.perf_counter() - begin


def lost(names):
    """What the interfaces of the namespace lost before it could be captured."""
    links = json.loads(subprocess.run(['ip', '-s', '-j', 'link'], capture_output=True, check=True).stdout)
    return sum(l['stats64']['rx']['dropped'] for l in links if l['ifname'] in names)


def run(arguments, rate, folder):
    made, passing = frames(int(rate * arguments.seconds))
    two = arguments.interfaces == 'two'
    sockets = [socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0) for _ in range(1 + two)]
    for one, name in zip(sockets, ('va', 'wa')): one.bind((name, 0))
    # Sent frames pass `any` twice, out of va and into vb.
    named = {'vb': ['-i', 'vb'], 'any': ['-i', 'any'], 'two': ['-i', 'vb', '-i', 'wb']}[arguments.interfaces]
    chosen = ['-f', 'ip'] if arguments.filter == 'all' else []
    report = f'{folder}/{rate}.ndjson'
    small = [x for pair in (('--memory-limit', '64'), ('-B', '1')) if pair[0] not in arguments.options for x in pair]
    command = [arguments.ftpwhy, 'live', *named, *chosen, *small, '--format', 'ndjson', '-o', report]
    notes = open(f'{folder}/{rate}.notes', 'w+')
    program = subprocess.Popen(command + arguments.options, stderr=notes, stdout=notes)
    while 'capturing on' not in open(notes.name).read():
        if program.poll() is not None: sys.exit(open(notes.name).read())
        time.sleep(0.05)
    time.sleep(0.5)
    memory, before = Memory(program.pid), lost(('vb', 'wb'))
    took = send(sockets, made, rate)
    ended, behind = time.perf_counter(), lost(('vb', 'wb')) - before
    os.kill(program.pid, signal.SIGINT)           # send_signal would take the status of one that has ended
    _, status, used = os.wait4(program.pid, 0)
    lines = [json.loads(l) for l in open(report)]
    capture = lines[-1]['captures'][0]
    dropped = sum(i['dropped'] or 0 for i in capture['interfaces'])
    kinds = [l.get('diagnosis') for l in lines if l['type'] == 'finding']
    sent = (passing if arguments.filter == 'passing' else len(made)) * (2 if arguments.interfaces == 'any' else 1)
    return dict(rate=f'{len(made) / took:.0f}', sent=sent, judged=capture['packets'], dropped=dropped,
                missing=sent - behind - capture['packets'] - dropped, lost=behind, complete=capture['complete'],
                status=os.waitstatus_to_exitcode(status), MiB=f'{memory.peak / 1024:.0f}',
                cpu=f'{used.ru_utime + used.ru_stime:.1f}', end=f'{time.perf_counter() - ended:.1f}',
                transfers=lines[-1]['transfers'], failed=lines[-1]['failed'], drops_told=kinds.count('capture-drops'))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('ftpwhy')
    parser.add_argument('--rates', default='6000,14000,24000')
    parser.add_argument('--seconds', type=float, default=7)
    parser.add_argument('--filter', choices=('passing', 'all'), default='passing')
    parser.add_argument('--interfaces', choices=('vb', 'any', 'two'), default='vb')
    given, _, options = ' '.join(sys.argv[1:]).partition(' -- ')
    arguments = parser.parse_args(given.split())
    arguments.options = options.split()
    random.seed(12)
    heading = None
    with Namespace(), tempfile.TemporaryDirectory() as folder:
        for rate in arguments.rates.split(','):
            row = run(arguments, int(rate), folder)
            if heading is None:
                heading = row.keys()
                print(' '.join(f'{name:>10}' for name in heading))
            print(' '.join(f'{row[name]!s:>10}' for name in heading), flush=True)


main()
