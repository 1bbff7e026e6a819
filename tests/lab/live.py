"""Runs `ftpwhy live` beside a lab and reports what it said and when, as JSON on standard output.

    python3 live.py SCENARIO DIR FTPWHY [OPTION of ftpwhy live]...

Scenarios are the functions below called `do_…`. The capture of the run is DIR/run.pcapng (`-w`).
"""
import json, os, subprocess, sys, threading
os.environ.setdefault('FTPLAB_ROOT', sys.argv[2])
from ftplab import *


class Live:
    """`ftpwhy live` in a namespace; every line of its report with the time at which it came."""

    def __init__(self, lab, ns, program, args, argv=None, env=None):
        self.lines, self.notes, self.ended = [], [], None
        argv = argv or [program, 'live', '--format', 'ndjson', *args]
        self.p = lab.spawn(ns, argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=env)
        self.threads = [threading.Thread(target=self.read, args=x, daemon=True)
                        for x in ((self.p.stdout, self.lines), (self.p.stderr, self.notes))]
        for t in self.threads: t.start()
        for _ in range(200):
            if any('capturing on' in l or 'listening on' in l for _, l in self.notes) or self.p.poll() is not None: break
            time.sleep(0.05)
        time.sleep(0.3)

    def read(self, pipe, into):
        for line in pipe:
            into.append((time.time(), line.decode('utf-8', 'replace').rstrip('\n')))

    def wait_for(self, diagnosis, secs):
        """Whether it is told within so many seconds."""
        end = time.time() + secs
        while time.time() < end and not any(f'"diagnosis":"{diagnosis}"' in l for _, l in self.lines): time.sleep(0.1)

    def pid(self):
        """`ip netns exec` becomes the program, so this is its own."""
        return self.p.pid

    def end(self, sig=signal.SIGINT, wait=20):
        self.ended = self.ended or time.time()
        if self.p.poll() is None: self.p.send_signal(sig)
        code = self.p.wait(wait)
        for t in self.threads: t.join(5)
        return code

    def result(self, **more):
        return dict(status=self.p.returncode, lines=self.lines, notes=[l for _, l in self.notes], ended=self.ended, **more)


def twice(c, verb='LIST', port=5000, gap=0.3):
    for _ in range(2):
        l = c.listen(port); c.port(l); c.xfer(verb, l); time.sleep(gap)


def do_collision(L, start):
    """The client announces the same port again while the server holds TIME-WAIT."""
    L.routed()
    for n in 'CS': L.sysctl(n, net__ipv4__tcp_timestamps=0)
    L.vsftpd('S'); live = start('S', 's0')
    c = L.ctl('C', '10.2.0.20'); c.login(); twice(c); c.quit()
    return live


def do_unseen_collision(L, start):
    """The same, where the first transfer is over before the capture begins."""
    L.routed()
    for n in 'CS': L.sysctl(n, net__ipv4__tcp_timestamps=0)
    L.vsftpd('S'); c = L.ctl('C', '10.2.0.20'); c.login(); l = c.listen(5000); c.port(l); c.xfer('LIST', l); c.quit(); time.sleep(0.5)
    live = start('S', 's0'); c = L.ctl('C', '10.2.0.20'); c.login(); l = c.listen(5000); c.port(l); c.xfer('LIST', l); c.quit()
    return live


def do_real_client(L, start):
    """curl, told to announce one port only, lists twice in one session."""
    L.routed()
    for n in 'CS': L.sysctl(n, net__ipv4__tcp_timestamps=0)
    L.vsftpd('S'); live = start('S', 's0'); url = 'ftp://10.2.0.20/'
    live.facts = L.client('C', ['curl', '-sv', '-P', '10.1.0.10:5000-5000', '--disable-eprt', '-u', USER + ':' + PW, url, url])
    return live


def do_refused(L, start):
    """Nobody listens on the announced port."""
    L.routed(); L.vsftpd('S'); live = start('S', 's0')
    c = L.ctl('C', '10.2.0.20'); c.login(); c.cmd('PORT ' + hp('10.1.0.10', 5001)); c.cmd('LIST'); c.quit()
    return live


def drop(L, ns, hook, what):
    """Makes a namespace drop packets."""
    L.x(ns, f"nft 'add table ip f; add chain ip f x {{ type filter hook {hook} priority 0; }}; add rule ip f x {what} drop'")


def active(L, live):
    """A LIST that the server is to connect for."""
    c = L.ctl('C', '10.2.0.20'); c.login(); l = c.listen(); c.port(l); c.cmd('LIST'); c.quit()
    return live


def dropped(L, start, ns, interface):
    """The client's firewall drops the data SYN."""
    L.routed(); L.vsftpd('S', connect_timeout=4); live = start(ns, interface)
    drop(L, 'C', 'input', 'tcp sport 20')
    return active(L, live)


def do_dropped(L, start): return dropped(L, start, 'S', 's0')


def do_dropped_at_client(L, start): return dropped(L, start, 'C', 'c0')


def do_dropped_at_router(L, start): return dropped(L, start, 'R', 'rc')


def do_kept_at_server(L, start):
    """The server's own firewall keeps the data SYN back."""
    L.routed(); L.vsftpd('S', connect_timeout=4); live = start('S', 's0')
    drop(L, 'S', 'output', 'tcp sport 20')
    return active(L, live)


def passive(L, start, ns, hook):
    """The client's SYNs to the passive port are dropped in one place; captured at the server."""
    L.routed(); L.vsftpd('S', pasv_min_port=40000, pasv_max_port=40009, accept_timeout=9); live = start('S', 's0')
    drop(L, ns, hook, 'tcp dport 40000-40009')
    c = L.ctl('C', '10.2.0.20'); c.login(); c.pasv(connect=False)
    t = threading.Thread(target=c.dial, args=(*c.pasv_ep, 10)); t.start(); c.cmd('LIST'); t.join(); c.quit()
    return live


def do_dropped_by_server(L, start): return passive(L, start, 'S', 'input')


def do_dropped_before_server(L, start): return passive(L, start, 'R', 'forward')


def do_table(L, start):
    """Two transfers and ^C, as a person sees it."""
    L.routed(); L.vsftpd('S'); live = Live(L, 'S', sys.argv[3], [], argv=[sys.argv[3], 'live', '-i', 's0', '--format', 'full'])
    c = L.ctl('C', '10.2.0.20'); c.login(); l = c.listen(); c.port(l); c.xfer('LIST', l)
    c.cmd('PORT ' + hp('10.1.0.10', 5001)); c.cmd('RETR x'); c.quit(); time.sleep(4); live.end()
    live.facts = [l for _, l in live.lines]
    return live


def do_wrong_interface(L, start):
    """The client announces the address of its other interface, and the server refuses that."""
    L.routed(); L.ip('C', 'addr add 10.1.0.77/24 dev c0'); L.vsftpd('S'); live = start('S', 's0')
    c = L.ctl('C', '10.2.0.20'); c.login(); c.cmd('PORT ' + hp('10.1.0.77', 5001)); c.cmd('LIST'); c.quit()
    return live


def do_mac_change(L, start):
    """The client's address moves to another MAC, and the capture goes on for long enough to tell."""
    L.lan({'C': 10, 'S': 20}); L.vsftpd('S'); live = start('S', 's0')
    c = L.ctl('C', '10.1.0.20'); c.login(); l = c.listen(); c.port(l); c.xfer('LIST', l)
    L.ip('C', 'link set c0 address 02:00:00:00:00:99'); L.ip('C', 'neigh flush all')
    l = c.listen(); c.port(l); c.xfer('LIST', l); c.quit()
    live.wait_for('mac-changed', 15)
    return live


def do_weak_end_system(L, start):
    """The server sends data from another of its addresses than the control connection's."""
    L.routed(); L.ip('S', 'addr add 10.2.0.77/24 dev s0')
    FakeServer(L, src_ip='10.2.0.77'); live = start('S', 's0')
    c = L.ctl('C', '10.2.0.20'); c.login(); l = c.listen(); c.port(l); c.xfer('LIST', l); c.quit()
    return live


def source_spoof(L, start, *interfaces):
    """The server's route changes after the login: what it sends leaves by its other interface, with the address of the
    first one, and a filter behind that drops it."""
    L.routed(); L.ns('Q')
    L.veth('S', 's1', 'Q', 'qs', '02:00:00:00:05:20', '02:00:00:00:05:01'); L.veth('Q', 'qr', 'R', 'rq', '02:00:00:00:06:02', '02:00:00:00:06:01')
    for n, a in ('S', '10.5.0.20/24 dev s1'), ('Q', '10.5.0.1/24 dev qs'), ('Q', '10.6.0.2/24 dev qr'), ('R', '10.6.0.1/24 dev rq'):
        L.ip(n, 'addr add ' + a)
    L.ip('Q', 'route add default via 10.6.0.1'); L.ip('R', 'route add 10.5.0.0/24 via 10.6.0.2'); L.sysctl('Q', net__ipv4__ip_forward=1)
    L.vsftpd('S'); live = start('S', *interfaces)
    c = L.ctl('C', '10.2.0.20'); c.login()
    L.x('Q', "nft 'add table ip f; add chain ip f w { type filter hook forward priority 0; }; add rule ip f w iifname qs ip saddr != 10.5.0.0/24 drop'")
    L.ip('S', 'route replace 10.1.0.0/24 via 10.5.0.1 dev s1')
    c.cmd('PORT ' + hp('10.1.0.10', 5004), 8); c.s.close()
    return live


def do_source_spoof(L, start): return source_spoof(L, start, 's0', 's1')


def do_source_spoof_any(L, start): return source_spoof(L, start, 'any')


def do_privileges(L, start):
    """What the kernel says of the program while it runs."""
    os.chmod(sys.argv[2], 0o777)
    L.routed(); live = start('S', 's0')
    def status(tid):
        pairs = (l.split(':', 1) for l in open(f'/proc/{live.pid()}/task/{tid}/status'))
        return {k: v.strip() for k, v in pairs if k in ('Uid', 'Gid', 'NoNewPrivs', 'CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb')}
    all_threads = [status(t) for t in os.listdir(f'/proc/{live.pid()}/task')]
    live.facts = dict(all_threads[0], threads=len(all_threads), threads_differ=any(s != all_threads[0] for s in all_threads))
    return live


def do_confined(L, start):
    """The metrics file, a link, is made to lead out of the directories that are left to the program."""
    out = os.path.dirname(os.path.abspath(sys.argv[2])) + f'/escape-{os.getpid()}'
    metrics = sys.argv[2] + '/m.prom'
    L.routed(); live = start('S', 's0')
    def until(is_so):
        end = time.time() + 25
        while time.time() < end and not is_so(): time.sleep(0.1)
    until(lambda: os.path.exists(metrics))
    written = os.path.islink(metrics) and os.path.getsize(metrics) > 0
    os.symlink(out, sys.argv[2] + '/link'); os.replace(sys.argv[2] + '/link', metrics)
    until(lambda: any('could not write' in l and 'm.prom' in l for _, l in live.notes))
    os.unlink(metrics)
    until(lambda: any('m.prom is written again' in l for _, l in live.notes))
    live.facts = dict(written=written, escaped=os.path.exists(out), ended=live.p.poll() is not None); live.end()
    if live.facts['escaped']: os.unlink(out)
    return live


def do_signals(L, start):
    """SIGUSR1, SIGHUP with the file moved away, SIGTERM."""
    run, old = sys.argv[2] + '/run.pcapng', sys.argv[2] + '/old.pcapng'
    L.routed()
    for n in 'CS': L.sysctl(n, net__ipv4__tcp_timestamps=0)
    L.vsftpd('S'); live = start('S', 's0')
    c = L.ctl('C', '10.2.0.20'); c.login(); l = c.listen(); c.port(l); c.xfer('LIST', l)
    time.sleep(1.5); live.p.send_signal(signal.SIGUSR1); time.sleep(1.5)
    os.rename(run, old); live.p.send_signal(signal.SIGHUP); time.sleep(2)
    live.facts = dict(reopened=os.path.exists(run), moved=os.path.getsize(old))
    c.quit(); live.end(signal.SIGTERM)
    return live


def do_removal(L, start):
    """The interface goes down and up, and is removed."""
    L.routed(); live = start('S', 's0'); time.sleep(1)
    L.ip('S', 'link set s0 down'); time.sleep(1.5); L.ip('S', 'link set s0 up'); time.sleep(1.5)
    L.ip('S', 'link del s0'); time.sleep(1); live.facts = dict(alive=live.p.poll() is None); live.end()
    return live


def again(L):
    """Makes the server's interface again."""
    L.veth('S', 's0', 'R', 'rs', '02:00:00:00:02:20', '02:00:00:00:02:01')
    L.ip('S', 'addr add 10.2.0.20/24 dev s0'); L.ip('R', 'addr add 10.2.0.1/24 dev rs'); L.ip('S', 'route add default via 10.2.0.1')
    time.sleep(0.5)


def do_comes_back(L, start):
    """The interface is removed and made again, and goes down, gets another name and comes up; a session each time, and
    in the last one a collision."""
    os.chmod(sys.argv[2], 0o777)
    L.routed()
    for n in 'CS': L.sysctl(n, net__ipv4__tcp_timestamps=0)
    L.vsftpd('S'); live = start('S', 's0')
    def one(port):
        c = L.ctl('C', '10.2.0.20'); c.login(); l = c.listen(port); c.port(l); c.xfer('LIST', l); c.quit()
    one(5000); L.ip('S', 'link del s0'); time.sleep(0.5); again(L); one(5001)
    L.ip('S', 'link del s0'); again(L); one(5002)
    for change in 'set s0 down', 'set s0 name lan0', 'set lan0 up': L.ip('S', 'link ' + change)
    L.ip('S', 'route add default via 10.2.0.1'); time.sleep(0.5)
    c = L.ctl('C', '10.2.0.20'); c.login(); twice(c, port=5100); c.quit()
    return live


def refused(L, port):
    """A session with a transfer that is refused."""
    c = L.ctl('C', '10.2.0.20'); c.login(); c.cmd('PORT ' + hp('10.1.0.10', port)); c.cmd('LIST'); c.quit()


def told_of(live, count):
    """Waits until so many transfers are said to have been refused."""
    end = time.time() + 15
    while time.time() < end and sum('"type":"finding"' in l and 'data-syn-refused' in l for _, l in live.lines) < count: time.sleep(0.1)
    time.sleep(1.5)               # the files are looked at every second


def everything(folder):
    """The files there, each with its length."""
    return {os.path.relpath(os.path.join(at, name), folder): os.path.getsize(os.path.join(at, name))
            for at, _, names in os.walk(folder) for name in names}


def writing(L, folder):
    """`ftpwhy live` that writes a ring, evidence, a report and metrics into a folder."""
    args = ['-i', 's0', '-w', folder + '/ring/r.pcapng', '-b', 'filesize:20', '-b', 'files:3', '--evidence', folder + '/cases',
            '--metrics-file', folder + '/m.prom']
    os.makedirs(folder + '/ring', exist_ok=True)
    return Live(L, 'S', sys.argv[3], args + sys.argv[4:])


def do_full(L, start):
    """The device to which ring and evidence are written is full for a time."""
    small = sys.argv[2] + '/small'
    os.makedirs(small); sh(['mount', '-t', 'tmpfs', '-o', 'size=512k', 'none', small])
    try:
        L.routed(); L.vsftpd('S'); live = writing(L, small)
        refused(L, 5000); told_of(live, 1); before = everything(small)
        with open(small + '/filler', 'wb', buffering=0) as filler:
            try:
                while True: filler.write(b'x' * 4096)
            except OSError: pass
        for port in range(5001, 5006): refused(L, port)
        told_of(live, 6); full = everything(small); alive = live.p.poll() is None
        os.unlink(small + '/filler'); time.sleep(2)
        refused(L, 5006); told_of(live, 7); after = everything(small)
        live.end(); live.facts = dict(before=before, full=full, after=after, end=everything(small), alive=alive)
        shutil.copytree(small, sys.argv[2] + '/kept')
    finally:
        sh(['umount', '-l', small])
    return live


def do_vanished(L, start):
    """The directories of ring and evidence are removed, and made again by somebody."""
    folder = sys.argv[2] + '/out'
    L.routed(); L.vsftpd('S'); live = writing(L, folder)
    refused(L, 5000); told_of(live, 1); before = everything(folder)
    for name in 'ring', 'cases': shutil.rmtree(folder + '/' + name)
    time.sleep(1.5); refused(L, 5001); told_of(live, 2); gone = everything(folder)
    os.makedirs(folder + '/ring'); time.sleep(2)
    refused(L, 5002); told_of(live, 3); after = everything(folder); live.end()
    live.facts = dict(before=before, gone=gone, after=after, end=everything(folder))
    return live


def do_several(L, start):
    """A collision, seen on both interfaces of the router between client and server."""
    L.routed()
    for n in 'CS': L.sysctl(n, net__ipv4__tcp_timestamps=0)
    L.vsftpd('S'); live = start('R', 'rc', 'rs')
    c = L.ctl('C', '10.2.0.20'); c.login(); twice(c); c.quit()
    return live


def do_any(L, start):
    """All interfaces of the server at once; the one with the traffic is removed and made again, then a collision."""
    L.routed()
    for n in 'CS': L.sysctl(n, net__ipv4__tcp_timestamps=0)
    L.vsftpd('S'); live = start('S', 'any')
    c = L.ctl('C', '10.2.0.20'); c.login(); l = c.listen(); c.port(l); c.xfer('LIST', l); c.quit()
    L.ip('S', 'link del s0'); time.sleep(0.5); again(L)
    c = L.ctl('C', '10.2.0.20'); c.login(); twice(c, port=5100); c.quit()
    return live


def do_one_of_two(L, start):
    """One of two interfaces is removed: the other goes on, and the capture even without it."""
    L.routed(); L.vsftpd('S'); live = start('R', 'rc', 'rs')
    L.ip('R', 'link del rc'); time.sleep(1.5)
    with_one = live.p.poll()
    c = L.ctl('R', '10.2.0.20'); c.login(); l = c.listen(); c.port(l); c.xfer('LIST', l); c.quit(); time.sleep(4)
    sessions = sum('"type":"session"' in l for _, l in live.lines)
    L.ip('R', 'link del rs'); time.sleep(1); with_none = live.p.poll(); live.end()
    live.facts = dict(alive=with_one is None and with_none is None, sessions=sessions)
    return live


def do_interrupt(L, start):
    """^C while nobody reads the report, and again."""
    L.routed(); read, write = os.pipe(); os.set_blocking(write, False)
    try:
        while True: os.write(write, b'x' * 4096)
    except BlockingIOError: os.set_blocking(write, True)
    p = L.spawn('S', [sys.argv[3], 'live', '-i', 's0', '--format', 'ndjson'], stdout=write, stderr=subprocess.DEVNULL)
    time.sleep(1.5); p.send_signal(signal.SIGINT); time.sleep(0.5)
    still = p.poll() is None
    p.send_signal(signal.SIGINT); code = p.wait(10); os.close(read); os.close(write)
    live = Live(L, 'S', sys.argv[3], [], argv=['true']); live.end()
    live.facts = dict(still=still, status=code)
    return live


def do_pipe(L, start):
    """tcpdump writes to a pipe as it captures, and what it writes is kept."""
    L.routed()
    for n in 'CS': L.sysctl(n, net__ipv4__tcp_timestamps=0)
    L.vsftpd('S')
    command = f'tcpdump -U --immediate-mode -Z root -i s0 -w - | tee {sys.argv[2]}/run.pcapng | {sys.argv[3]} --format ndjson -'
    live = Live(L, 'S', sys.argv[3], [], argv=['sh', '-c', command])
    c = L.ctl('C', '10.2.0.20'); c.login(); twice(c); c.quit(); live.wait_for('time-wait-collision', 10); time.sleep(4)
    live.ended = time.time()
    for pid in sh(['ip', 'netns', 'pids', L.N('S')]).split():
        if open(f'/proc/{pid}/comm').read() == 'tcpdump\n': os.kill(int(pid), signal.SIGINT)
    live.end(sig=0)
    return live


def do_new_address(L, start):
    """The server gets another address and route while it is captured on."""
    L.routed(); L.vsftpd('S'); live = start('S', 's0')
    c = L.ctl('C', '10.2.0.20'); c.login(); c.quit()
    L.ip('S', 'addr add 10.2.0.77/24 dev s0'); L.ip('S', 'route add 10.77.0.0/16 via 10.2.0.1'); time.sleep(5.5)
    c = L.ctl('C', '10.2.0.20'); c.login(); twice(c); c.quit()
    return live


def do_keylog(L, start):
    """FTPS whose keys are written to DIR/keys while it goes on: by curl, by ftplib, and a second late for another curl."""
    L.routed(); pem, url, log = L.work + '/pem', 'ftp://10.2.0.20/', sys.argv[2] + '/keys'
    sh(['openssl', 'req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-keyout', pem, '-out', pem + '.crt', '-days', '30', '-subj', '/CN=ftp.lab'])
    L.vsftpd('S', ssl_enable='YES', rsa_cert_file=pem + '.crt', rsa_private_key_file=pem, require_ssl_reuse='YES', ssl_ciphers='HIGH')
    live = start('C', 'c0')
    curl = lambda log, *more: L.client('C', ['env', 'SSLKEYLOGFILE=' + log, 'curl', '-sSk', '--ssl-reqd', '-u', USER + ':' + PW, *more, url])[0]
    ftplib = f"""import ftplib, ssl
context = ssl.create_default_context(); context.check_hostname = False; context.verify_mode = ssl.CERT_NONE
f = ftplib.FTP_TLS('10.2.0.20', timeout=5, context=context)
f.login('{USER}', '{PW}'); f.prot_p(); f.retrlines('LIST')"""
    status = [curl(log), L.client('C', ['env', 'SSLKEYLOGFILE=' + log, '/usr/bin/python3', '-c', ftplib])[0], curl(log + '.late', '-X', 'RETR none.txt')]
    time.sleep(1)
    late = open(log + '.late').read(); half = len(late) // 2
    for part in (late[:half], late[half:]):
        with open(log, 'a') as f: f.write(part)
        time.sleep(0.2)
    live.facts = status
    return live


def do_busy(L, start):
    """Enough frames for several small files."""
    L.routed(); L.vsftpd('S'); live = start('S', 's0')
    for _ in range(8):
        c = L.ctl('C', '10.2.0.20'); c.login(); l = c.listen(); c.port(l); c.xfer('LIST', l); c.quit()
    return live


def main():
    scenario, folder, program, *options = sys.argv[1:]
    os.makedirs(folder, exist_ok=True)

    def start(ns, *interfaces):
        args = [x for i in interfaces for x in ('-i', i)]
        return Live(L, ns, program, [*args, '-w', folder + '/run.pcapng', *options])

    with Lab('live', scenario, timeout=60, quiet=True) as L:
        live = globals()['do_' + scenario](L, start)
        if live.p.poll() is None:
            time.sleep(4)             # sessions are judged three seconds after they close
            live.end()
        result = live.result(facts=getattr(live, 'facts', None))
    print(json.dumps(result))


main()
