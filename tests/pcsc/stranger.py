# SPDX-License-Identifier: Apache-2.0
"""Another user who says hello: `python -m tests.pcsc.stranger SOCKET [GROUP]` prints what becomes of it.  Started by root."""

from __future__ import annotations

import os
import socket
import sys

from secmod.reader.frame import MAX_FRAME, Frame, FrameType, Hello, Refusal, Role


def main() -> str:
    os.setgroups([int(group) for group in sys.argv[2:]])
    os.setgid(65534)
    os.setuid(65534)
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as sock:
        try:
            sock.connect(sys.argv[1])
        except OSError as error:
            return type(error).__name__
        sock.send(Hello(Role.DATA, b"token..1").encode())
        frame = Frame.parse(sock.recv(MAX_FRAME))
    if frame.type is FrameType.WELCOME:
        return frame.type.name
    return f"{Refusal(frame.payload[0]).name} {frame.payload[1:].decode()}"


if __name__ == "__main__":
    sys.stdout.write(main() + "\n")
