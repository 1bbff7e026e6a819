"""Runs commands in a lab, by themselves and under `ftpwhy run`, and reports what came of them as JSON on standard output.

    python3 run.py SCENARIO DIR FTPWHY

Scenarios are the functions below called `do_…`.
"""
import json, os, subprocess, sys
os.environ.setdefault('FTPLAB_ROOT', sys.argv[2])
from concurrent.futures import ThreadPoolExecutor
from ftplab import *

URL, WHO = 'ftp://10.2.0.20/', f'{USER}:{PW}'


def execute(lab, argv, env=None, ns='C', timeout=60):
    p = subprocess.run(['ip', 'netns', 'exec', lab.N(ns), *argv], capture_output=True, stdin=subprocess.DEVNULL,
                       env=dict(os.environ, HOME=lab.work, TERM='dumb', **(env or {})), cwd=lab.work, timeout=timeout)
    return dict(status=p.returncode, out=p.stdout.decode('latin1'), err=p.stderr.decode('latin1'))


def watched(lab, name, argv, *options, **kw):
    """Under `ftpwhy run`, with its report as JSON."""
    report = f'{lab.work}/{name}.json'
    if os.path.exists(report): os.unlink(report)
    r = execute(lab, [FTPWHY, 'run', '--format', 'json', '-o', report, *options, '--', *argv], **kw)
    r['report'] = json.load(open(report)) if os.path.exists(report) else None
    return r


def both(lab, commands, *options):
    """Each command by itself, then under `ftpwhy run`; all of them at the same time."""
    with ThreadPoolExecutor(len(commands)) as pool:
        plain = {n: pool.submit(execute, lab, c) for n, c in commands.items()}
        plain = {n: f.result() for n, f in plain.items()}
        run = {n: pool.submit(watched, lab, n, c, *options) for n, c in commands.items()}
        run = {n: f.result() for n, f in run.items()}
    return {n: dict(plain=plain[n], run=run[n]) for n in commands}


def have(commands):
    return {n: c for n, c in commands.items() if shutil.which(c[0])}


def ftplib(before='', after='', kind='FTP', args=''):
    return ['/usr/bin/python3', '-c', f'''
import ftplib, ssl
f = ftplib.{kind}('10.2.0.20', timeout=5{args})
{before}
f.login('{USER}', '{PW}'); {after}
f.retrlines('LIST'); f.quit()''']


def lftp(settings=''):
    return ['lftp', '-c', f'set net:timeout 5; set net:max-retries 1; set ssl:verify-certificate no; set ftp:ssl-allow no; {settings} open -u {USER},{PW} 10.2.0.20; ls']


def do_works(L):
    L.routed(); L.vsftpd('S')
    return both(L, have(dict(curl=['curl', '-sS', '-u', WHO, URL], lftp=lftp(), ftplib=ftplib(),
                             ncftp=['ncftpls', '-l', '-u', USER, '-p', PW, URL])))


def do_dropped(L):
    """The client's own firewall drops what the server sends from port 20."""
    L.routed(); L.vsftpd('S', connect_timeout=3)
    L.x('C', "nft 'add table ip f; add chain ip f x { type filter hook input priority 0; }; add rule ip f x tcp sport 20 drop'")
    return both(L, have(dict(curl=['curl', '-sS', '--disable-eprt', '-P', '-', '-u', WHO, URL], lftp=lftp('set ftp:passive-mode off;'),
                             ftplib=ftplib('f.set_pasv(False)'), ncftp=['ncftpls', '-E', '-r', '1', '-t', '5', '-u', USER, '-p', PW, URL])))


def do_wrong_227(L):
    """The server announces an address that is not its own."""
    L.routed(); L.vsftpd('S', pasv_address='10.9.9.9', accept_timeout=3); L.ip('R', 'route add blackhole 10.9.9.9')
    return both(L, have(dict(curl=['curl', '-sS', '--disable-epsv', '--no-ftp-skip-pasv-ip', '--connect-timeout', '4', '-u', WHO, URL],
                             lftp=lftp('set ftp:prefer-epsv no; set ftp:fix-pasv-address no;'),
                             ftplib=ftplib('f.trust_server_pasv_ipv4_address = True'),
                             ncftp=['ncftpls', '-F', '-r', '1', '-t', '5', '-u', USER, '-p', PW, URL])))


def do_login_refused(L):
    L.routed(); L.vsftpd('S')
    return both(L, have(dict(curl=['curl', '-sS', '-u', USER + ':wrong', URL],
                             lftp=[x.replace(PW, 'wrong') for x in lftp()], ftplib=[x.replace(PW, 'wrong') for x in ftplib()],
                             ncftp=['ncftpls', '-r', '1', '-t', '5', '-u', USER, '-p', 'wrong', URL])))


def do_tls(L):
    """FTPS; the server demands that data connections resume the session, which ftplib does not."""
    L.routed(); key, cert = L.work + '/key', L.work + '/cert'
    sh(['openssl', 'req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-keyout', key, '-out', cert, '-days', '30', '-subj', '/CN=ftp.lab'])
    L.vsftpd('S', ssl_enable='YES', rsa_cert_file=cert, rsa_private_key_file=key, require_ssl_reuse='YES', ssl_ciphers='HIGH',
             force_local_data_ssl='NO', force_local_logins_ssl='NO')
    # A folder of its own: key files of others are no concern of this.
    os.environ['TMPDIR'] = L.work + '/keys'; os.mkdir(os.environ['TMPDIR']); os.chmod(os.environ['TMPDIR'], 0o1777)
    context = 'context=ssl._create_unverified_context()'
    r = both(L, have(dict(curl=['curl', '-sSk', '--ssl-reqd', '-u', WHO, URL],
                          lftp=lftp('set ftp:ssl-allow yes; set ftp:ssl-force yes; set ftp:ssl-protect-data yes;'),
                          ftplib=ftplib('', 'f.prot_p()', 'FTP_TLS', ', ' + context))))
    r['left'] = os.listdir(os.environ['TMPDIR'])
    return r


def do_killed(L):
    """SIGKILL to ftpwhy while the command runs and writes keys: what is left of its key file, at once and in the end."""
    L.routed(); keys = L.work + '/keys'; os.mkdir(keys); os.chmod(keys, 0o1777)
    open(keys + '/ftpwhy-keys-old', 'w').write('of a run before\n')
    script = 'echo began; read go; echo "# key" >> "$SSLKEYLOGFILE"; echo wrote; read go'
    p = L.spawn('C', [FTPWHY, 'run', '--', 'sh', '-c', script], env=dict(os.environ, TMPDIR=keys), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    p.stdout.readline(); time.sleep(1); r = dict(before=os.listdir(keys)); p.kill(); p.wait(20)
    p.stdin.write(b'go\n'); p.stdin.flush(); said = p.stdout.readline().decode(); time.sleep(1.5)
    r.update(said=said, during=[open(f'{keys}/{f}').read() for f in os.listdir(keys)])
    p.stdin.write(b'go\n'); p.stdin.close()
    for _ in range(100):
        if not os.listdir(keys): break
        time.sleep(0.1)
    return dict(r, left=os.listdir(keys))


def do_second_client(L):
    """Another client fails at the same time, for longer and for a moment."""
    L.routed(); L.vsftpd('S', connect_timeout=3)
    L.x('C', "nft 'add table ip f; add chain ip f x { type filter hook input priority 0; }; add rule ip f x tcp sport 20 drop'")
    with ThreadPoolExecutor(3) as pool:
        run = pool.submit(watched, L, 'mine', ['sh', '-c', f'sleep 1; curl -sS -u {WHO} {URL}; sleep 4'])
        time.sleep(1)
        others = [pool.submit(execute, L, a) for a in (['curl', '-sS', '--disable-eprt', '-P', '-', '-u', WHO, URL], ['curl', '-sS', '-u', USER + ':wrong', URL])]
        [f.result() for f in others]
        return dict(run=run.result())


def do_identity(L):
    """Who runs the command: root, a user by -Z, a user with file capabilities. Each downloads a file."""
    L.routed(); L.vsftpd('S'); os.chmod(L.work, 0o777); sh(['chmod', 'a+x', *parents(L.work)], check=False)
    home = sh(['getent', 'passwd', USER]).split(':')[5]
    open(home + '/ftpwhy-run.txt', 'w').write('x' * 1000); shutil.chown(home + '/ftpwhy-run.txt', USER, USER)
    capable = L.work + '/ftpwhy'; shutil.copy(FTPWHY, capable); os.chmod(capable, 0o755)
    # cap_net_raw=ep
    os.setxattr(capable, 'security.capability', struct.pack('<5I', 0x02000001, 1 << 13, 0, 0, 0))
    r = {}
    for name, before, program, options in (('root', [], FTPWHY, []), ('user', [], FTPWHY, ['-Z', USER]),
                                           ('capable', ['setpriv', '--reuid', USER, '--regid', USER, '--clear-groups'], capable, [])):
        got = f'{L.work}/{name}.txt'
        script = f'cat /proc/self/status; ls /proc/self/fd; echo; curl -sS -u {WHO} -o {got} {URL}ftpwhy-run.txt'
        r[name] = execute(L, [*before, program, 'run', '--format', 'concise', *options, '--', 'sh', '-c', script])
        r[name]['owner'] = os.stat(got).st_uid if os.path.exists(got) else None
    r['uid'] = int(sh(['id', '-u', USER]))
    os.unlink(home + '/ftpwhy-run.txt')
    return r


def parents(path):
    while path != '/':
        yield path; path = os.path.dirname(path)


def do_statuses(L):
    """How a command ends, and what stands for that."""
    L.routed(); L.vsftpd('S', connect_timeout=2)
    L.x('C', "nft 'add table ip f; add chain ip f x { type filter hook input priority 0; }; add rule ip f x tcp sport 20 drop'")
    active = ['curl', '-sS', '--disable-eprt', '-P', '-', '-u', WHO, URL]
    sleep = "trap '' TERM; while :; do sleep 0.1; done"
    cases = dict(zero=([], ['true']), seven=([], ['sh', '-c', 'exit 7']), most=([], ['sh', '-c', 'exit 255']),
                 killed=([], ['sh', '-c', 'kill -KILL $$']), terminated=([], ['sh', '-c', 'kill -TERM $$']),
                 missing=([], ['/nonexistent']), unfit=([], ['/etc/passwd']), overdue=(['--timeout', '1'], ['sleep', '30']),
                 stubborn=(['--timeout', '1'], ['sh', '-c', sleep]), interface=(['-i', 'nowhere0'], ['true']),
                 user=(['-Z', 'nobody-of-that-name'], ['true']), output=(['-w', '/nonexistent/x.pcapng'], ['touch', L.work + '/started']),
                 verdict_none=(['--exit-verdict'], ['true']), verdict_good=(['--exit-verdict'], ['curl', '-sS', '-u', WHO, URL]),
                 verdict_bad=(['--exit-verdict'], active), missing_verdict=(['--exit-verdict'], ['/nonexistent']))
    with ThreadPoolExecutor(8) as pool:
        r = {n: pool.submit(execute, L, [FTPWHY, 'run', *o, '--', *c]) for n, (o, c) in cases.items()}
        r = {n: f.result() for n, f in r.items()}
    r['usage'] = execute(L, [FTPWHY, 'run', '--no-such-option', '--', 'true'])
    r['started'] = os.path.exists(L.work + '/started')
    return r


def do_terminated(L):
    """SIGTERM to ftpwhy is passed on, and it still reports."""
    L.routed(); L.vsftpd('S')
    p = L.spawn('C', [FTPWHY, 'run', '--', 'sh', '-c', 'echo began; sleep 30 & wait'], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    p.stdout.readline(); p.send_signal(signal.SIGTERM); p.wait(20)
    return dict(status=p.returncode, err=p.stderr.read().decode('latin1'))


def do_other_port(L):
    """FTP where nobody looks for it, and something else."""
    L.routed(); L.vsftpd('S', port=2100)
    command = ['curl', '-sS', '-u', WHO, 'ftp://10.2.0.20:2100/']
    return dict(unnamed=watched(L, 'a', ['curl', '-s', 'http://10.2.0.20:8080/']), named=watched(L, 'b', command, '--port', '2100'),
                refused=watched(L, 'c', ['curl', '-s', 'ftp://10.2.0.20:21/']))


def do_first_syn(L):
    """A hundred commands, each connecting at once."""
    L.routed(); L.vsftpd('S')
    connect = f"import socket\ns = socket.create_connection(('10.2.0.20', 21)); print(s.getsockname()[1]); s.recv(99); s.sendall(b'QUIT\\r\\n'); s.recv(99)"
    with ThreadPoolExecutor(5) as pool:
        runs = [pool.submit(watched, L, f'n{i}', ['/usr/bin/python3', '-S', '-c', connect], '-w', f'{L.work}/{i}.pcapng') for i in range(100)]
        return [dict(status=f.result()['status'], out=f.result()['out'], sessions=f.result()['report']['sessions'], findings=f.result()['report']['findings'],
                     first=sh(['tcpdump', '-nr', f'{L.work}/{i}.pcapng', '-c', '1', 'tcp dst port 21 and tcp src port ' + f.result()['out'].strip()])) for i, f in enumerate(runs)]


def do_modes(L):
    """Active mode is stopped by the client's firewall."""
    L.routed(); L.vsftpd('S', connect_timeout=3)
    L.x('C', "nft 'add table ip f; add chain ip f x { type filter hook input priority 0; }; add rule ip f x tcp sport 20 drop'")
    script = os.path.join(os.path.dirname(os.path.abspath(__file__)), '../../examples/ftp-modes.sh')
    return execute(L, ['sh', script, URL, '-u', WHO], env=dict(FTPWHY=FTPWHY + ' run'), timeout=120)


def do_report(L):
    """The report on standard error, behind what the command says there; input and output are the command's."""
    L.routed(); L.vsftpd('S')
    p = subprocess.run(['ip', 'netns', 'exec', L.N('C'), FTPWHY, 'run', '--', 'sh', '-c', f'cat; echo said >&2; curl -sS -u {WHO} {URL} >/dev/null'],
                       input=b'\x00\xffin', capture_output=True)
    return dict(status=p.returncode, out=p.stdout.decode('latin1'), err=p.stderr.decode('utf-8'))


if __name__ == '__main__':
    scenario, folder, FTPWHY = sys.argv[1:4]
    with Lab('run', scenario, timeout=170, quiet=True) as L:
        result = globals()['do_' + scenario](L)
    print(json.dumps(result))
