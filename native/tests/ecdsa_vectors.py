# SPDX-License-Identifier: Apache-2.0
"""Prints the cases of the files named, RFC 6979 and CAVP SigGen in tests/vectors, as the C array of test_nonce.c."""

from __future__ import annotations

import json
import sys
from pathlib import Path

FIELDS = ("curve", "hash", "msg", "private", "k", "signature_plain_rs")
NAMES = {"SHA-1": "SHA1", "SHA-224": "SHA2-224", "SHA-256": "SHA2-256", "SHA-384": "SHA2-384", "SHA-512": "SHA2-512"}


def main() -> None:
    print("static const struct ecdsa_case CASES[] = {")
    for path in sys.argv[1:]:
        document = json.loads(Path(path).read_text(encoding="utf-8"))
        for case in document["cases"]:
            whole = {"k": ""} | {field: document[field] for field in FIELDS if isinstance(document.get(field), str)} | case
            whole["hash"] = NAMES[whole["hash"]]
            print("    {" + ", ".join(f'.{field} = "{whole[field]}"' for field in FIELDS) + "},")
    print("};")


if __name__ == "__main__":
    main()
