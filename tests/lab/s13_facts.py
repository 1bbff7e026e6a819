"""Scenario 13: what the kernels of the hosts say beside a capture.

    FTPWHY=target/debug/ftpwhy python3 s13_facts.py [collision|addresses|filter|many]...

Writes X.pcap of each side and the facts of each host at the times that the names say.
"""
import sys
from ftplab import *

FTPWHY = os.environ['FTPWHY']


def facts(L, ns, name, *options):
    L.x(ns, f'{FTPWHY} facts -o {L.dir}/{L.name}.{name}.facts.json ' + ' '.join(options)); L.fact(f'{name}: facts of {ns} at {time.time():.3f}')


def collision():
    """vsftpd on port 20 without TCP timestamps; the client announces one port twice."""
    with Lab('13_facts', 'collision', timeout=120) as L:
        L.routed(); L.sysctl('S', net__ipv4__tcp_timestamps=0); L.vsftpd('S')
        L.cap('C', 'c0', tag='client'); L.cap('S', 's0', tag='server')
        c = L.ctl('C', '10.2.0.20'); c.login()
        for i in (1, 2):
            l = c.listen(5000); c.port(l); L.fact(f'LIST {i}: ' + c.xfer('LIST', l)); time.sleep(0.3)
        facts(L, 'S', 'server'); facts(L, 'C', 'client'); c.quit(); L.stop_caps()
        time.sleep(70); facts(L, 'S', 'late')


def addresses():
    """The client has a second interface and announces its address."""
    with Lab('13_facts', 'addresses', timeout=60) as L:
        L.routed(); L.ns('N'); L.veth('C', 'c1', 'N', 'n0'); L.ip('C', 'addr add 10.3.0.10/24 dev c1'); L.vsftpd('S')
        L.cap('S', 's0', tag='server'); c = L.ctl('C', '10.2.0.20'); c.login()
        for named in ('10.3.0.10', '10.3.0.11'): L.fact(c.cmd('PORT ' + hp(named, 5000)))
        facts(L, 'C', 'client'); c.quit()


def filter():
    """The client's firewall drops the data SYN, once in front of a listener, once of none."""
    for name, listens in (('filtered', True), ('hidden', False)):
        with Lab('13_facts', name, timeout=60) as L:
            L.routed(); L.vsftpd('S', connect_timeout=4)
            L.x('C', "nft 'add table ip f; add chain ip f x { type filter hook input priority 0; }; add rule ip f x tcp sport 20 drop'")
            L.cap('C', 'c0', tag='client'); c = L.ctl('C', '10.2.0.20'); c.login()
            l = c.listen(5000) if listens else None
            c.cmd('PORT ' + hp('10.1.0.10', 5000)); t = threading.Timer(1.5, facts, (L, 'C', 'client')); t.start()
            L.fact(c.cmd('LIST')); t.join(); c.quit()


def many():
    """Twenty thousand other entries in TIME-WAIT: how long one look takes."""
    with Lab('13_facts', 'many', timeout=170) as L:
        L.ns('S'); L.sysctl('S', net__ipv4__tcp_max_tw_buckets=60000, net__ipv4__tcp_tw_reuse=0)
        L.x('S', """/usr/bin/python3 -c "
import socket
l = socket.socket(); l.bind(('127.0.0.1', 999)); l.listen(128)
for turn in range(50):
    pairs = [(socket.create_connection(('127.0.0.1', 999)), l.accept()[0]) for i in range(400)]
    for s, a in pairs: s.close(); a.close()
" """)
        L.fact('in TIME-WAIT: ' + L.xq('S', "ss -Htan state time-wait | wc -l").strip())
        for options in ('', '--peer 10.9.9.9'):
            facts(L, 'S', 'many' + ('-peer' if options else ''), options)
            import json
            d = json.load(open(f'{L.dir}/{L.name}.many{"-peer" if options else ""}.facts.json'))['readings'][0]
            L.fact(f"{len(d['time_wait'])} kept, read in {d['took'] * 1000:.1f} ms")


if __name__ == '__main__':
    for what in sys.argv[1:] or ['collision', 'addresses', 'filter', 'many']: globals()[what]()
