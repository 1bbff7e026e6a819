"""Scenario 20: servers written in Python (pyftpdlib, Twisted, aioftp) and netkit's ftpd: some connect at PORT, some send 150 first."""
import sys
from ftplab import *

SERVERS = {
'pyftpdlib': '''
from pyftpdlib.authorizers import DummyAuthorizer
from pyftpdlib.handlers import FTPHandler
from pyftpdlib.servers import FTPServer
import sys
users = DummyAuthorizer(); users.add_user('labftp', 'labpw', '/home/labftp', perm='elradfmwMT')
class Handler(FTPHandler): authorizer, timeout = users, 20
Handler.active_dtp.timeout = Handler.passive_dtp.timeout = 6
if len(sys.argv) > 1: Handler.masquerade_address = sys.argv[1]
FTPServer(('0.0.0.0', 21), Handler).serve_forever()
''',
'twisted': '''
from twisted.cred.checkers import InMemoryUsernamePasswordDatabaseDontUse
from twisted.cred.portal import Portal
from twisted.internet import reactor
from twisted.protocols.ftp import FTPFactory, FTPRealm
users = InMemoryUsernamePasswordDatabaseDontUse(); users.addUser('labftp', 'labpw')
factory = FTPFactory(Portal(FTPRealm('/home/labftp', '/home'), [users])); factory.timeOut = 30
reactor.listenTCP(21, factory); reactor.run()
''',
'aioftp': '''
import asyncio, aioftp
asyncio.run(aioftp.Server([aioftp.User('labftp', 'labpw', home_path='/', base_path='/home/labftp')]).run('0.0.0.0', 21))
'''}

def server(L, k, *args):
    L.meta['server'], L.ctlport = k, 21
    if k in SERVERS:
        f = f'{L.work}/server.py'; open(f, 'w').write(SERVERS[k])
        L.spawn('S', ['python3', f, *args], stdout=open(L.work + '/srv.out', 'w'), stderr=subprocess.STDOUT); L.wait_port('S', 21); return
    with in_ns(L.N('S')):
        ls = socket.socket(); ls.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1); ls.bind(('', 21)); ls.listen(5)
    def loop():
        while True:
            try: s, _ = ls.accept()
            except OSError: return
            L.spawn('S', [f'{SRV}/ftpd-ssl/usr/sbin/in.ftpd'], stdin=s, stdout=s, stderr=open(L.work + '/srv.out', 'a')); s.close()
    threading.Thread(target=loop, daemon=True).start(); L._inetd = ls

def rule(L, kind, match):
    target = {'drop': 'DROP', 'rst': 'REJECT --reject-with tcp-reset', 'icmp': 'REJECT --reject-with icmp-admin-prohibited'}.get(kind)
    if target: L.x('R', f'iptables -I FORWARD -p tcp --syn {match} -j {target}')

def active(k, kind):
    announced = {'nolisten': ('10.1.0.10', 5001), 'private': ('192.168.77.5', 5001), 'zero': ('0.0.0.0', 5001), 'low': ('10.1.0.10', 600)}
    with Lab('20_' + k, f'active_{kind}', timeout=80) as L:
        L.routed()
        if kind == 'drop': L.sysctl('S', net__ipv4__tcp_syn_retries=2)
        server(L, k); L.cap('C', 'c0', tag='client'); L.cap('S', 's0', tag='server')
        c = L.ctl('C', '10.2.0.20'); c.login(); l = None
        if kind in announced: c.cmd('PORT ' + hp(*announced[kind]))
        elif kind != 'noport': l = c.listen(5001); rule(L, kind, '-s 10.2.0.20 -d 10.1.0.10'); c.port(l)
        t = time.time(); r = c.xfer('LIST', l, timeout=40); L.fact(f'LIST -> {r} after {time.time()-t:.2f}s')
        if kind == 'twice': l = c.listen(5001); c.port(l); L.fact('again -> ' + c.xfer('LIST', l, timeout=20))
        if kind == 'missing': l = c.listen(5005); c.port(l); L.fact('missing -> ' + c.xfer('RETR nope.txt', l, timeout=10))
        c.quit()

def passive(k, kind):
    with Lab('20_' + k, f'passive_{kind}', timeout=80) as L:
        L.routed(); server(L, k, *(['192.168.50.5'] if kind == 'masquerade' else []))
        L.cap('C', 'c0', tag='client'); L.cap('S', 's0', tag='server'); rule(L, kind, '-s 10.1.0.10 -d 10.2.0.20 ! --dport 21')
        c = L.ctl('C', '10.2.0.20'); c.login(); c.pasv(timeout=9)
        t = time.time(); r = c.cmd('LIST', timeout=40); L.fact(f'LIST -> {r} after {time.time()-t:.2f}s'); c.quit()

if __name__ == '__main__':
    for k in sys.argv[1:] or [*SERVERS, 'netkit']:
        for kind in ('ok', 'twice', 'missing', 'noport', 'nolisten', 'rst', 'icmp', 'private', 'zero', 'low', 'drop'): active(k, kind)
        for kind in ('ok', 'rst', 'drop') + (('masquerade',) if k == 'pyftpdlib' else ()): passive(k, kind)
