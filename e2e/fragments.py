"""Relays datagrams that are longer than the network, on a loopback network of 1,280 bytes.

fragments.py BINARY    in a network namespace of its own: `unshare -n python3 e2e/fragments.py …`

Without DF they are cut on the way and arrive, both ways; with DF, which a client asks for, they are
dropped and counted.
"""

import hashlib
import hmac
import base64
import os
import socket
import struct
import subprocess
import sys
import tempfile
import time
import urllib.request

MTU = 1280
LONG, SHORT = 1400, 1000
SECRET = "5f0c8e6d1b7a4932b6d5e8f7a1c09b34"
MAGIC = 0x2112A442
ALLOCATE, BIND, SEND = 0x0003, 0x0009, 0x0016
CHANNEL = 0x4000
HTTP, TURN, TLS = 20080, 20078, 20079


def attribute(kind, value):
    return struct.pack("!HH", kind, len(value)) + value + bytes(-len(value) % 4)


def xor_address(kind, address):
    ip, port = address
    packed = struct.unpack("!I", socket.inet_aton(ip))[0] ^ MAGIC
    return attribute(kind, struct.pack("!BBHI", 0, 1, port ^ (MAGIC >> 16), packed))


def attributes(message):
    at, found = 20, {}
    while at < len(message):
        kind, size = struct.unpack_from("!HH", message, at)
        found[kind] = message[at + 4 : at + 4 + size]
        at += 4 + (size + 3) // 4 * 4
    return found


class Client:
    def __init__(self):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.connect(("127.0.0.1", TURN))
        self.socket.settimeout(5)
        self.username = f"{int(time.time()) + 600}:ana:call".encode()
        mac = hmac.new(SECRET.encode(), self.username, hashlib.sha1).digest()
        self.password = base64.b64encode(mac)
        self.realm = self.nonce = b""

    def message(self, kind, body):
        def head(length):
            return struct.pack("!HHI", kind, length, MAGIC) + transaction

        transaction = os.urandom(12)
        if kind == SEND or not self.nonce:
            return head(len(body)) + body
        for name, value in [(6, self.username), (0x14, self.realm), (0x15, self.nonce)]:
            body += attribute(name, value)
        key = hashlib.md5(b":".join([self.username, self.realm, self.password])).digest()
        signed = head(len(body) + 24) + body
        return signed + attribute(8, hmac.new(key, signed, hashlib.sha1).digest())

    def ask(self, kind, body):
        for _ in range(2):
            self.socket.send(self.message(kind, body))
            answer = self.socket.recv(2048)
            found = attributes(answer)
            if struct.unpack_from("!H", answer)[0] == kind | 0x0100:
                return found
            self.realm, self.nonce = found[0x14], found[0x15]
        sys.exit(f"request {kind:#x} was refused: {answer.hex()}")


def arrives(receiver, length):
    receiver.settimeout(1)
    try:
        return len(receiver.recv(4096)) >= length
    except TimeoutError:
        return False


def counted():
    """How many datagrams were too long, as of a second ago."""
    with urllib.request.urlopen(f"http://127.0.0.1:{HTTP}/metrics") as answer:
        for line in answer.read().decode().splitlines():
            if line.startswith("wechat_relay_dropped_too_long_total "):
                return int(float(line.split()[1]))
    sys.exit("/metrics does not tell of datagrams that were too long")


def until(what, holds):
    end = time.monotonic() + 20
    while not holds():
        if time.monotonic() > end:
            sys.exit(f"not within 20 s: {what}")
        time.sleep(0.05)


def answers():
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{HTTP}/livez"):
            return True
    except OSError:
        return False


def check(fact, what):
    if not fact:
        sys.exit(f"not so: {what}")
    print(f"ok    {what}", file=sys.stderr)


def relays():
    client, peer = Client(), socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    peer.bind(("127.0.0.1", 0))
    to = peer.getsockname()
    found = client.ask(ALLOCATE, attribute(0x19, struct.pack("!BBH", 17, 0, 0)))
    relay = ("127.0.0.1", struct.unpack_from("!H", found[0x16], 2)[0] ^ (MAGIC >> 16))
    client.ask(BIND, attribute(0x0C, struct.pack("!HH", CHANNEL, 0)) + xor_address(0x12, to))

    def wrapped(length):
        return struct.pack("!HH", CHANNEL, length) + bytes(length)

    def probe(length):
        marked = xor_address(0x12, to) + attribute(0x1A, b"") + attribute(0x13, bytes(length))
        return client.message(SEND, marked)

    client.socket.send(wrapped(LONG))
    check(arrives(peer, LONG), f"{LONG} bytes reach the peer on a network of {MTU}")
    peer.sendto(bytes(LONG), relay)
    check(arrives(client.socket, LONG), f"{LONG} bytes reach the client")
    before = counted()
    client.socket.send(probe(SHORT))
    check(arrives(peer, SHORT), f"{SHORT} bytes with DF reach the peer")
    client.socket.send(probe(LONG))
    check(not arrives(peer, LONG), f"{LONG} bytes with DF do not")
    until("the long one is counted", lambda: counted() == before + 1)
    client.socket.send(wrapped(LONG))
    check(arrives(peer, LONG), f"{LONG} bytes without it do again")


def main():
    subprocess.run(["ip", "link", "set", "lo", "mtu", str(MTU), "up"], check=True)
    with tempfile.TemporaryDirectory() as folder:
        settings = {
            "HOST": "127.0.0.1",
            "PORT": HTTP,
            "TURN_PORT": TURN,
            "TURN_TLS_PORT": TLS,
            "TURN_SECRET": SECRET,
            "TURN_ALLOWED_PEERS": "127.0.0.1/32",
            "DATA_DIR": f"{folder}/data",
            "PATH": os.environ["PATH"],
        }
        environment = {name: str(value) for name, value in settings.items()}
        binary = os.path.abspath(sys.argv[1])
        with open(f"{folder}/log", "w", encoding="utf-8") as log:
            server = subprocess.Popen([binary], env=environment, cwd=folder, stderr=log)
        try:
            until("the server answers", answers)
            relays()
        finally:
            server.kill()
            server.wait()


main()
