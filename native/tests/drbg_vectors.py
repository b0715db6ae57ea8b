# SPDX-License-Identifier: Apache-2.0
"""Prints the AES-256 cases with derivation function of tests/vectors/cavp_ctr_drbg.json as the C array of test_drbg.c."""

from __future__ import annotations

import json
import sys
from pathlib import Path

FIELDS = (
    "flow",
    "entropy_input",
    "nonce",
    "personalization",
    "entropy_input_reseed",
    "additional_input_reseed",
    "entropy_input_pr_1",
    "entropy_input_pr_2",
    "additional_input_1",
    "additional_input_2",
    "returned_bits",
)


def main() -> None:
    cases = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))["with_df"]
    print("static const struct drbg_case CASES[] = {")
    for case in cases:
        if case["key_bits"] == 256 and case["derivation_function"]:
            print("    {" + ", ".join(f'.{field} = "{case.get(field, "")}"' for field in FIELDS) + "},")
    print("};")


if __name__ == "__main__":
    main()
