# SPDX-License-Identifier: Apache-2.0
"""Proofs that take minutes to hours: `make NAME`, or `python -m tests.campaigns.NAME [--long] [--json]`.

Each module has a function `campaign(report, *, long)` that fills a `Report` with rows; a row that is not as it must be makes the
program end with status 1. The short form runs in seconds, and among the normal tests (test_<name>.py beside it).

    report          rows, progress, the table, --json
    programs        the campaigns' own C, compiled when it is needed

    crash           the store: kill -9 at random moments; with
    crash_serve       `secmod serve` itself
    crash_calls       a failure at every call that changes a file (storage_faults.c)
    crash_power       what was not synced is lost in part
    crash_child       how these two, in processes of their own, tell what they find
    crash_compare     killed when a password is compared
    corrupt         the store: every bit, every length, every piece
    secrets         memory and files: what is left of secrets that have gone
    hostile         driver, emulator and their neighbours: malformed frames, strays, hangs, restarts; with
    hostile_peers     the neighbours, ravings what they send, hostile_slot the emulator without a socket
    hotplug         cards out and in, ten thousand times
    soak            an hour at full rate
    testpcsc        the test program of pcsc-lite

    load, facts     a client that changes a module and keeps book; what a module is
    card_process    a card over a store, forked; emulator: `secmod serve`
    needles, scan   the forms of a secret; where they lie
"""
