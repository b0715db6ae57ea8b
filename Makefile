# SPDX-License-Identifier: Apache-2.0
# `make run` shows secmod at work, `make test` passes all tests; both set up first what is missing (.ci/setup).

PY := .venv/bin/python

.DEFAULT_GOAL := help
.PHONY: help run test test-slow lint types native ct differential aarch64 crash corrupt secrets bench hostile hotplug soak testpcsc dist clean setup setup-test setup-native setup-aarch64 setup-bench

help:
	@echo 'make run        the main job: a program signs through a real pcscd, OpenSSL verifies'
	@echo 'make test       lint, types, the C tests once under sanitizers, and all tests but the slow ones'
	@echo 'make test-slow  the slow tests (millions of generated commands, thousands of card swaps)'
	@echo 'make lint       ruff and import-linter'
	@echo 'make types      mypy, strict'
	@echo 'make native     the C part with gcc and clang: warnings are errors, sanitizers, valgrind'
	@echo 'make ct         constant time: under memcheck at every level of both compilers, and by a million measurements of each operation'
	@echo 'make aarch64    the C part cross-compiled, its tests under qemu'
	@echo 'make differential  a million random operations on each curve beside libcrypto, most of an hour'
	@echo 'make crash      10,000 times kill -9, a failure at every call that changes a file, power cuts: nothing acknowledged is lost'
	@echo 'make corrupt    every bit of a store flipped, every file cut to every length: detected, or no harm'
	@echo 'make secrets    what is left of keys, PINs and sessions in memory and files when they have gone: nothing'
	@echo 'make bench      measures beside other libraries, prints tables and what the gates say'
	@echo 'make hostile    a million malformed frames each to driver and emulator under sanitizers; strays, hangs, restarts'
	@echo 'make hotplug    10,000 cards taken out and put in, with pcscd and without: none lost, and how soon it is known'
	@echo 'make soak       an hour at full rate: memory, descriptors, 99th percentile (SOAK_SECONDS=… for another duration)'
	@echo 'make testpcsc   the test program of pcsc-lite, fetched from Debian, against our reader'
	@echo 'make dist       sdist and wheel, and the wheel tried in a venv of its own'
	@echo 'make clean      removes everything that was built, the .venv too'
	@echo 'PYTHON=…        the interpreter the .venv is made with (3.11 or later)'

setup:
	@.ci/setup run

setup-test:
	@.ci/setup test

setup-native:
	@.ci/setup native

setup-aarch64:
	@.ci/setup aarch64
	@.ci/aarch64

setup-bench:
	@.ci/setup bench

run: setup
	@.venv/bin/secmod demo

lint: setup-test
	@.venv/bin/ruff check --quiet
	@.venv/bin/ruff format --check --quiet
	@.venv/bin/lint-imports --no-logo

types: setup-test
	@.venv/bin/mypy

test: lint types
	@$(MAKE) --no-print-directory -s -C native/tests once PYTHON=$(CURDIR)/$(PY)
	@$(PY) -m pytest -n auto

test-slow: setup-test
	@$(PY) -m pytest -m slow

native: setup-native
	@$(MAKE) -C native/tests PYTHON=$(CURDIR)/$(PY)

ct: setup-native
	@$(MAKE) --no-print-directory -C native/tests ct ct-lanes dudect PYTHON=$(CURDIR)/$(PY)

differential: setup-native
	@$(MAKE) --no-print-directory -s -j2 -C native/tests differential PYTHON=$(CURDIR)/$(PY)

aarch64: setup-aarch64
	@$(MAKE) --no-print-directory -C native/tests aarch64 PYTHON=$(CURDIR)/$(PY)

crash corrupt secrets: setup-test
	@$(PY) -m tests.campaigns.$@ --long

bench: setup-bench
	@$(PY) -m bench

hostile hotplug soak testpcsc: setup-test
	@$(PY) -m tests.campaigns.$@ --long

dist: setup-test
	@.ci/dist

clean:
	rm -rf .venv build dist *.egg-info .hypothesis .benchmarks .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
	find secmod native tests bench -name __pycache__ -prune -exec rm -rf {} +
	find secmod native tests -name '*.so' -delete -o -name '*.o' -delete
	rm -f secmod/_native/_core.c native/src/*_gen.[ch]
