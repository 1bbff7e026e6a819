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
        result = live.result()
    print(json.dumps(result))


main()
