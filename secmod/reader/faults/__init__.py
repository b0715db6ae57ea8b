# SPDX-License-Identifier: Apache-2.0
"""Faults on demand: a card that misbehaves, deterministically.  Imported only when there is a plan.

plan       a file or lines of text → faults in the readers, and their list
selector   when a fault strikes: which reader, which commands, how often
scene      what a fault finds where it strikes: the card, the line, chance
answers    wrong, changed, shortened and lengthened answers
line       removals, silence, lateness, keep-alives
power      wrong answers to reset, or none
inside     alarms, failed self-tests, damaged objects
store      the power goes, or the medium refuses, while a change is stored
"""

from __future__ import annotations

from secmod.reader.faults.plan import Faults

__all__ = ["Faults"]
