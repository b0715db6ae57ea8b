# SPDX-License-Identifier: Apache-2.0
"""`python -m secmod` is the command line."""

from secmod.cli import main

main()
