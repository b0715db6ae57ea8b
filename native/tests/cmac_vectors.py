# SPDX-License-Identifier: Apache-2.0
"""Prints the cases of tests/vectors/wycheproof_aes_cmac_test.json as the C array of test_aes.c."""

from __future__ import annotations

import json
import sys
from pathlib import Path


def main() -> None:
    document = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    cases = [case for group in document["testGroups"] for case in group["tests"]]
    print("static const struct cmac_case CASES[] = {")
    for case in cases:
        valid = int(case["result"] == "valid")
        print(f'    {{.key = "{case["key"]}", .message = "{case["msg"]}", .tag = "{case["tag"]}", .valid = {valid}}},')
    print("};")
    print(f"#define CASE_COUNT {document['numberOfTests']}")


if __name__ == "__main__":
    main()
