"""Asks a relay for allocations without any credential, from many ports.

strangers.py PORT COUNT    sends COUNT requests over UDP and waits for as many answers as the kernel
                           hands through; fails if one of them is not 401, or too few came

For `scripts/relay`, which looks at the server's memory before and after.
"""

import os
import select
import socket
import struct
import sys

PORT, COUNT = int(sys.argv[1]), int(sys.argv[2])
SOCKETS = 50
# Few enough to wait in one socket's buffer.
BATCH = 20
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


def main():
    answered = 0
    sockets = []
    for at in range(0, COUNT, BATCH):
        if at % (COUNT // SOCKETS) < BATCH:
            sockets.append(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
            sockets[-1].connect(("127.0.0.1", PORT))
        for _ in range(BATCH):
            sockets[-1].send(request())
        wanted = BATCH
        while wanted and select.select([sockets[-1]], [], [], 1)[0]:
            answer = sockets[-1].recv(2048)
            if code(answer) != 401:
                sys.exit(f"an answer other than 401: {answer.hex()}")
            wanted -= 1
        answered += BATCH - wanted
    print(answered)
    if answered < COUNT * 0.99:
        sys.exit(f"only {answered} of {COUNT} requests were answered")


main()
