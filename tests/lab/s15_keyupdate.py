"""Scenario 15: both ends of a TLS 1.3 control connection change their keys in its midst.

    python3 s15_keyupdate.py

Needs pyftpdlib. The client is openssl s_client: a line K updates its keys and asks for the server's, k its own alone.
"""
import sys
from ftplab import *

SERVER = r"""
import sys
from pyftpdlib.authorizers import DummyAuthorizer
from pyftpdlib.handlers import TLS_FTPHandler
from pyftpdlib.servers import FTPServer
a = DummyAuthorizer(); a.add_user('labftp', 'labpw', sys.argv[1], perm='elradfmw')
H = TLS_FTPHandler; H.certfile = sys.argv[2]; H.authorizer = a
FTPServer(('10.2.0.20', 21), H).serve_forever()
"""

with Lab('15_keyupdate', 'control', timeout=60) as L:
    pem, served, log = L.work + '/tls.pem', L.work + '/served', f'{L.dir}/control.keys'
    sh(['openssl', 'req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-keyout', pem, '-out', pem + '.crt', '-days', '3650', '-subj', '/CN=ftp.lab'])
    open(pem, 'a').write(open(pem + '.crt').read()); os.makedirs(served, exist_ok=True)
    L.routed(); L.spawn('S', [sys.executable, '-c', SERVER, served, pem]); time.sleep(2)
    L.cap('C', 'c0', tag='client')
    p = L.spawn('C', ['openssl', 's_client', '-starttls', 'ftp', '-connect', '10.2.0.20:21', '-crlf', '-tls1_3', '-keylogfile', log], stdin=subprocess.PIPE)
    time.sleep(1)
    for line in ('USER labftp', 'K', 'PASS labpw', 'k', 'PWD', 'K', 'SIZE none.txt', 'PORT 10,9,9,9,10,10', 'quit'):
        p.stdin.write(line.encode() + b'\n'); p.stdin.flush(); time.sleep(0.4)
    p.stdin.close(); p.wait(5); L.stop_caps()
