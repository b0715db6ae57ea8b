# SPDX-License-Identifier: Apache-2.0
"""The card end of the link to the reader driver (native/ifd), and the driver's place in PC/SC.

    frame.py    the link's messages as values (native/ifd/PROTOCOL.md)
    slot.py     one reader with its card: a request frame in, an answer frame out; no socket
    link.py     finding the driver's socket, checking who listens, the handshake
    server.py   one thread per reader; insertion and removal; keep-alive; reconnecting
    direct/     the PC/SC service itself: pcscd's protocol spoken by this process; no pcscd, no driver
    control/    the control channel: readers and cards handled while programs use them
    faults/     cards that misbehave, on command
    latency.py  answers as slow as a chip's
    listener.py a socket of ours for one owner or a group
    vpcd.py     our cards in somebody's vpcd, somebody's cards in our readers
    pcscd.py    a private PC/SC daemon with our readers, for tests, demos and measurements
    driver.py   installing the driver into the machine's PC/SC service, and taking it out again

A server is handed its cards; this package knows what a card does (`slot.Card`), not what one is.
"""
