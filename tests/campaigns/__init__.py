# SPDX-License-Identifier: Apache-2.0
"""Proofs that take minutes to hours: `make NAME`, or `python -m tests.campaigns.NAME [--long] [--json]`.

Each module has a function `campaign(report, *, long)` that fills a `Report` with rows; a row that is not as it must be makes the
program end with status 1. The short form runs in seconds, and among the normal tests (test_<name>.py beside it).

    report      rows, progress, the table, --json
"""
