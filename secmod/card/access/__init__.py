# SPDX-License-Identifier: Apache-2.0
"""Who may do what: rules as data, and the one function that evaluates them.

rule.py      conditions and rules, made from the words of a profile
evaluate.py  a rule and a security status: allowed or not
"""

from secmod.card.access.evaluate import evaluate
from secmod.card.access.rule import ALWAYS, NEVER, Condition, Rule, compile_rule

__all__ = ["ALWAYS", "NEVER", "Condition", "Rule", "compile_rule", "evaluate"]
