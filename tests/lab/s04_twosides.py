"""Both interfaces of a router or NAT in one file: a data SYN, or its SYN-ACK, comes in and does not leave."""
from ftplab import *

TABLE = 'add table ip lab; add chain ip lab first { type filter hook prerouting priority -300; }'
NAT = ('add chain ip lab out { type nat hook postrouting priority 100; }; add rule ip lab out oifname "rs" masquerade; '
       'add ct helper ip lab ftp { type "ftp" protocol tcp; }; '
       'add chain ip lab help { type filter hook prerouting priority -150; }; add rule ip lab help tcp dport 21 ct helper set "ftp"')


def lost(name, nat=False, reuse=False, synack=False):
    """The second of three transfers; `reuse`: on the 5-tuple of the first, as if its session were still held."""
    with Lab('04_twosides', name, timeout=90) as L:
        L.routed(*(() if not nat else (False, '192.168.1', '203.0.113')))
        server = '203.0.113.20' if nat else '10.2.0.20'
        L.x('R', f"nft '{TABLE}'")
        if nat: L.x('R', f"nft '{NAT}'")
        FakeServer(L, connect_timeout=6)
        L.meta['params'] = f'both interfaces of the router; NAT with FTP helper: {nat}; same 5-tuple again: {reuse}; SYN-ACK dropped instead of the SYN: {synack}'
        L.cap('R', 'rc', 'rs', tag='both')
        c = L.ctl('C', server); c.login()
        l = c.listen(5001); c.port(l); L.fact(f'LIST -> {c.xfer("LIST", l)}')
        if reuse: time.sleep(3)
        port = 5001 if reuse else 5002
        what = f'iifname "rc" tcp sport {port} tcp flags syn,ack / syn,ack' if synack else f'iifname "rs" tcp dport {port} tcp flags syn / syn,ack'
        L.x('R', f"nft 'add rule ip lab first {what} drop'"); L.note(f'router: drop {what}')
        l = c.listen(port); c.port(l); L.fact(f'LIST -> {c.xfer("LIST", l, timeout=40)}')
        L.x('R', "nft 'flush chain ip lab first'"); L.note('router: drop nothing')
        l = c.listen(5003); c.port(l); L.fact(f'LIST -> {c.xfer("LIST", l)}')
        c.quit()


if __name__ == '__main__':
    lost('fake_routed')
    lost('fake_routed_synack', synack=True)
    lost('fake_routed_tuple', reuse=True)
    lost('fake_nat', nat=True)
    lost('fake_nat_tuple', nat=True, reuse=True)
