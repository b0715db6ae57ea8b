# SPDX-License-Identifier: Apache-2.0
"""How fast it is: every claim is a ratio against a named peer, measured in turns with it in the same run.

    test_round_trip.py  what does the way of an APDU cost, station by station, against a reader driver that does nothing?
    test_pace.py        how many PACE handshakes can be had in a second, by both ends together?
    test_secure_messaging.py
                        what does secure messaging cost: for a byte more or less, a round trip, a signature, a key agreement?
    test_crypto.py      how fast are signatures, key agreement, key pairs and random numbers, against other libraries?
    test_signing.py     how much of the core's signing rate is left at each station up to the PC/SC program?

    __main__.py         `python -m bench`: runs them and prints the tables
    interleave.py       measuring in turns, and the statistics of it
    workers.py          contenders in processes of their own, and how the C ones are built
    libraries.py        everything that signs and agrees on our curves, in C and in Python; what is not here is left out
    gates.py            how fast the core must be
    readers.py          a private pcscd with readers under test and a no-op one, and programs at them
    gateway.py          what a gateway has its module do, by the host library, in plain or in a session
    facts.py            the machine, the versions, the commit
    report.py  plot.py  results as tables (terminal, Markdown) and as a picture (SVG)
    conftest.py         one pinned CPU; measurements handed to pytest-benchmark; the result file

    block.h             the loop of every contender in C
    card.h              a card behind PC/SC
    winscard_client.c   a PC/SC program
    session_client.c    the same under secure messaging, by secmod.h
    pyscard_client.py   the same in Python
    handler_client.c    a reader driver called directly, without pcscd
    noop_ifd.c          a reader driver that answers 9000 by itself: the floor
    null_card.c         a card process in C that answers 9000: the floor of our driver
    null_card.py        the same behind secmod.reader.Server: the floor of the Python process
    clock.c             the clock of the core, for times in cycles
    peers/              libraries in C, one program each: core.c (ours, by secmod.h), libcrypto.c (OpenSSL), botan.c, wolfssl.c,
                        libgcrypt.c, mbedtls.c, softhsm.c
    results/            one result for each release or change that is about speed: .json, .md, .svg

Nothing here asserts a time.  Everything runs on one CPU: waking another one costs more than what is measured.
"""
