"""Asks a relay for allocations without any credential, from many ports of one network.

strangers.py PORT COUNT
    sends COUNT requests over UDP, each another one, and prints how many were answered; fails if an
    answer is not 401, if more bytes came back than were sent, or if a client that sends one request
    again and again, as clients do, is not answered by its fourth try

For `scripts/relay`, which looks at the server's memory before and after.
"""

import os
import select
import socket
import struct
import sys
import time

PORT, COUNT = int(sys.argv[1]), int(sys.argv[2])
SOCKETS = 50
# Few enough to wait in one socket's buffer, and with a pause that lets the server keep up.
BATCH = 20
PAUSE_S = 0.0005
TRIES = 4
MAGIC = 0x2112A442
ALLOCATE, REFUSED = 0x0003, 0x0113
ERROR_CODE = 0x0009
REQUESTED_TRANSPORT = struct.pack("!HHBBH", 0x0019, 4, 17, 0, 0)


def request():
    head = struct.pack("!HHI", ALLOCATE, len(REQUESTED_TRANSPORT), MAGIC)
    return head + os.urandom(12) + REQUESTED_TRANSPORT


def code(answer):
    """The error code of an answer; 0 if it is none."""
    kind, length, _ = struct.unpack_from("!HHI", answer)
    at = 20
    while kind == REFUSED and at < 20 + length:
        attribute, size = struct.unpack_from("!HH", answer, at)
        if attribute == ERROR_CODE:
            return answer[at + 6] * 100 + answer[at + 7]
        at += 4 + (size + 3) // 4 * 4
    return 0


def stranger():
    opened = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    opened.connect(("127.0.0.1", PORT))
    return opened


def answers(sockets, within_s):
    """What has come, and comes within a time."""
    while True:
        ready = select.select(sockets, [], [], within_s)[0]
        if not ready:
            return
        for each in ready:
            answer = each.recv(2048)
            if code(answer) != 401:
                sys.exit(f"an answer other than 401: {answer.hex()}")
            yield answer


def main():
    sockets = [stranger() for _ in range(SOCKETS)]
    sent = 0
    came = []
    for at in range(0, COUNT, BATCH):
        for _ in range(BATCH):
            sent += sockets[at // BATCH % SOCKETS].send(request())
        came += answers(sockets, 0)
        time.sleep(PAUSE_S)
    client, asked, tries = stranger(), request(), 0
    while not any(answers([client], 0.3)):
        tries += 1
        if tries > TRIES:
            sys.exit(f"a client was not answered in {TRIES} tries")
        client.send(asked)
    came += answers(sockets, 0.3)
    back = sum(len(answer) for answer in came)
    if back > sent:
        sys.exit(f"{back} bytes came back for {sent}")
    print(len(came))


main()
