# SPDX-License-Identifier: Apache-2.0
"""A thousand modules in one process and one store: what an idle one costs."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

SCRIPT = """
import gc, json, sys, time
from pathlib import Path
from secmod.emulator import Modules
from secmod.profile import load_profile
from secmod.store import Store

def memory():
    gc.collect()
    return next(int(line.split()[1]) for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmRSS"))

load_profile("tr03109_2")
begin = time.perf_counter()
with Store.open(Path(sys.argv[1])) as store:
    first = Modules(store, 1, "tr03109_2")
    first[0].power_on()
    first[0].power_off()
    before, begin = memory(), time.perf_counter()
    modules = Modules(store, 1000, "tr03109_2")
    made, after = time.perf_counter() - begin, memory()
    for card in modules[:100]:
        card.power_on()
        assert card.transmit(bytes.fromhex("00CADF2100")) == bytes.fromhex("019000")
        card.power_off()
    used = memory()
    each = {"idle": (after - before) / 999, "used": (used - before) / 100}
    print(json.dumps({"seconds": made, "modules": len(store.numbers), **each}))
"""


def test_a_thousand_modules(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(tmp_path / "store")], capture_output=True, text=True, check=True, timeout=100
    )
    found = json.loads(done.stdout)
    sys.stdout.write(f"{found}\n")
    assert found["modules"] == 1000
    assert found["idle"] <= 64  # KiB each
    assert found["used"] <= 64  # also when it has had power once
