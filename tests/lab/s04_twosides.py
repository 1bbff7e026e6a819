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


def answer(iface, line):
    """A device at this interface that answers LIST in the server's name, once, and shifts no numbers for it."""
    tap = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3)); tap.bind((iface, 0))   # ETH_P_ALL: a bridge takes the others first

    def total(b):
        n = sum(struct.unpack(f'!{len(b + bytes(len(b) % 2)) // 2}H', b + bytes(len(b) % 2)))
        while n >> 16: n = (n & 0xffff) + (n >> 16)
        return ~n & 0xffff

    def loop():
        while True:
            f = tap.recv(65536); ip = f[14:34]; tcp = f[34:]
            data = f[34 + (tcp[12] >> 4) * 4:14 + struct.unpack('!H', ip[2:4])[0]]
            if f[12:14] != b'\x08\0' or ip[9] != 6 or ip[0] != 0x45 or tcp[2:4] != b'\0\x15' or not data.startswith(b'LIST'): continue
            seq, ack = struct.unpack('!II', tcp[4:12]); opts = b''
            if tcp[12] >> 4 == 8 and tcp[20:24] == b'\1\1\x08\x0a':   # timestamps: echo the client's, repeat the server's
                opts = b'\1\1\x08\x0a' + tcp[28:32] + tcp[24:28]
            body = line.encode() + b'\r\n'; src, dst = ip[16:20], ip[12:16]
            seg = tcp[2:4] + tcp[0:2] + struct.pack('!IIBBHHH', ack, seq + len(data), (5 + len(opts) // 4) << 4, 0x18, 509, 0, 0) + opts + body
            seg = seg[:16] + struct.pack('!H', total(src + dst + struct.pack('!HH', 6, len(seg)) + seg)) + seg[18:]
            head = struct.pack('!BBHHHBBH', 0x45, 0, 20 + len(seg), 0x4242, 0x4000, 64, 6, 0) + src + dst
            head = head[:10] + struct.pack('!H', total(head)) + head[12:]
            tap.send(f[6:12] + f[0:6] + f[12:14] + head + seg); return
    threading.Thread(target=loop, daemon=True).start()


def answered(name, bridge=False):
    """A device between both interfaces answers the LIST with 425. The router keeps the LIST, the bridge lets it pass."""
    with Lab('04_twosides', name, timeout=60) as L:
        if bridge: L.lan({'C': 10, 'S': 20}); server, box, ifs = '10.1.0.20', 'W', ('pc0', 'ps0')
        else: L.routed(); server, box, ifs = '10.2.0.20', 'R', ('rc', 'rs')

        def slow(srv, s, verb, arg):
            if verb == 'LIST': time.sleep(2); srv.say(s, '150 Opening data connection.')
            return verb == 'LIST'
        FakeServer(L, hook=slow)
        L.meta['params'] = f'a device at the client\'s side of {box} says 425 to LIST; bridge: {bridge}; the LIST reaches the server: {bridge}'
        if not bridge:
            L.x('R', f"nft '{TABLE}'"); L.x('R', "nft 'add rule ip lab first tcp dport 21 @th,256,32 0x4c495354 drop'")
        L.cap(box, *ifs, tag='both')
        c = L.ctl('C', server); c.login()
        with in_ns(L.N(box)): answer(ifs[0], "425 Can't open data connection.")
        l = c.listen(5001); c.port(l); L.fact(f'LIST -> {c.cmd("LIST")}')
        time.sleep(3)
        try: L.fact(f'NOOP -> {c.cmd("NOOP", timeout=4)}')
        except (OSError, EOFError) as e: L.fact(f'NOOP -> {e!r}')


if __name__ == '__main__':
    answered('fake_answered_routed')
    answered('fake_answered_bridged', bridge=True)
    lost('fake_routed')
    lost('fake_routed_synack', synack=True)
    lost('fake_routed_tuple', reuse=True)
    lost('fake_nat', nat=True)
    lost('fake_nat_tuple', nat=True, reuse=True)
