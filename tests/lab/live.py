"""Runs `ftpwhy live` beside a lab and reports what it said and when, as JSON on standard output.

    python3 live.py SCENARIO DIR FTPWHY [OPTION of ftpwhy live]...

Scenarios are the functions below called `do_…`. The capture of the run is DIR/run.pcapng (`-w`).
"""
import json, os, subprocess, sys, threading
os.environ.setdefault('FTPLAB_ROOT', sys.argv[2])
from ftplab import *


class Live:
    """`ftpwhy live` in a namespace; every line of its report with the time at which it came."""

    def __init__(self, lab, ns, program, args, report='ndjson', env=None):
        self.lines, self.notes = [], []
        argv = [program, 'live', '--format', report, *args]
        self.p = lab.spawn(ns, argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=env)
        self.threads = [threading.Thread(target=self.read, args=x, daemon=True)
                        for x in ((self.p.stdout, self.lines), (self.p.stderr, self.notes))]
        for t in self.threads: t.start()
        for _ in range(200):
            if any('capturing on' in l for _, l in self.notes) or self.p.poll() is not None: break
            time.sleep(0.05)
        time.sleep(0.3)

    def read(self, pipe, into):
        for line in pipe:
            into.append((time.time(), line.decode('utf-8', 'replace').rstrip('\n')))

    def pid(self):
        """`ip netns exec` becomes the program, so this is its own."""
        return self.p.pid

    def end(self, sig=signal.SIGINT, wait=20):
        if self.p.poll() is None: self.p.send_signal(sig)
        code = self.p.wait(wait)
        for t in self.threads: t.join(5)
        return code

    def result(self, **more):
        return dict(status=self.p.returncode, lines=self.lines, notes=[l for _, l in self.notes], **more)


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


def do_refused(L, start):
    """Nobody listens on the announced port."""
    L.routed(); L.vsftpd('S'); live = start('S', 's0')
    c = L.ctl('C', '10.2.0.20'); c.login(); c.cmd('PORT ' + hp('10.1.0.10', 5001)); c.cmd('LIST'); c.quit()
    return live


def do_dropped(L, start):
    """The client's firewall drops the data SYN."""
    L.routed(); L.vsftpd('S', connect_timeout=4); live = start('S', 's0')
    L.x('C', "nft 'add table ip f; add chain ip f i { type filter hook input priority 0; }; add rule ip f i tcp sport 20 drop'")
    c = L.ctl('C', '10.2.0.20'); c.login(); l = c.listen(); c.port(l); c.cmd('LIST'); c.quit()
    return live


def do_wrong_interface(L, start):
    """The client announces the address of its other interface, and the server refuses that."""
    L.routed(); L.ip('C', 'addr add 10.1.0.77/24 dev c0'); L.vsftpd('S'); live = start('S', 's0')
    c = L.ctl('C', '10.2.0.20'); c.login(); c.cmd('PORT ' + hp('10.1.0.77', 5001)); c.cmd('LIST'); c.quit()
    return live


def do_mac_change(L, start):
    """The client's address moves to another MAC while the server keeps sending to the old one."""
    L.lan({'C': 10, 'S': 20}); L.vsftpd('S'); live = start('S', 's0')
    c = L.ctl('C', '10.1.0.20'); c.login(); l = c.listen(); c.port(l); c.xfer('LIST', l)
    L.ip('C', 'link set c0 address 02:00:00:00:00:99'); L.x('C', 'ping -c 2 -W 1 10.1.0.20', check=False)
    l = c.listen(); c.port(l); c.xfer('LIST', l); c.quit()
    return live


def do_weak_end_system(L, start):
    """The server sends data from another of its addresses than the control connection's."""
    L.routed(); L.ip('S', 'addr add 10.2.0.77/24 dev s0')
    FakeServer(L, src_ip='10.2.0.77'); live = start('S', 's0')
    c = L.ctl('C', '10.2.0.20'); c.login(); l = c.listen(); c.port(l); c.xfer('LIST', l); c.quit()
    return live


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
    L.ip('S', 'link del s0'); live.end(sig=0)
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
