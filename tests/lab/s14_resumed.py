"""Scenario 14: the second control connection of a client resumes the TLS 1.2 session of the first one.

    python3 s14_resumed.py

Needs pyftpdlib and pyOpenSSL. The key log is as GnuTLS writes it: no line for a session that is resumed (OpenSSL writes one).
"""
import sys
from ftplab import *

SERVER = r"""
import sys
from OpenSSL import SSL
from pyftpdlib.authorizers import DummyAuthorizer
from pyftpdlib.handlers import TLS_FTPHandler
from pyftpdlib.servers import FTPServer
a = DummyAuthorizer(); a.add_user('labftp', 'labpw', sys.argv[1], perm='elradfmw')
H = TLS_FTPHandler; H.certfile = sys.argv[2]; H.authorizer = a; H.tls_control_required = H.tls_data_required = True
H.ssl_context = H.get_ssl_context(); H.ssl_context.set_session_id(b'lab'); H.ssl_context.set_session_cache_mode(SSL.SESS_CACHE_SERVER)
FTPServer(('10.2.0.20', 21), H).serve_forever()
"""

CLIENT = r"""
import ftplib, ssl, sys
ctx = ssl.create_default_context(); ctx.check_hostname = False; ctx.verify_mode = ssl.CERT_NONE
ctx.maximum_version = ssl.TLSVersion.TLSv1_2; ctx.keylog_filename = sys.argv[1]
class Client(ftplib.FTP_TLS):
    session = None
    def auth(self):
        self.voidcmd('AUTH TLS'); self.sock = ctx.wrap_socket(self.sock, session=self.session)
        self.file = self.sock.makefile(mode='r', encoding=self.encoding)
    def ntransfercmd(self, cmd, rest=None):
        conn, size = ftplib.FTP.ntransfercmd(self, cmd, rest)
        return ctx.wrap_socket(conn, session=self.sock.session), size
first = None
for verbs in (['LIST'], ['LIST', 'RETR none.txt']):
    f = Client(context=ctx); f.session = first; f.connect('10.2.0.20', timeout=10); f.login('labftp', 'labpw'); f.prot_p()
    print('reused', f.sock.session_reused); first = first or f.sock.session
    for verb in verbs:
        try: f.retrlines(verb)
        except ftplib.Error as e: print(e)
    f.quit()
"""

with Lab('14_resumed', 'control', timeout=60) as L:
    pem, served, log = L.work + '/tls.pem', L.work + '/served', f'{L.dir}/control.keys'
    sh(['openssl', 'req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-keyout', pem, '-out', pem + '.crt', '-days', '3650', '-subj', '/CN=ftp.lab'])
    open(pem, 'a').write(open(pem + '.crt').read()); os.makedirs(served, exist_ok=True); open(served + '/a.txt', 'w').write('a\n')
    L.routed(); L.spawn('S', [sys.executable, '-c', SERVER, served, pem]); time.sleep(2)
    L.cap('C', 'c0', tag='client'); L.fact(L.client('C', [sys.executable, '-c', CLIENT, log])[1]); L.stop_caps()
    # Nothing resumed has a line of its own: the first one has one, and each after it has its master.
    lines = [l for l in open(log) if l.startswith('CLIENT_RANDOM')]; open(log, 'w').writelines(lines[:1])
