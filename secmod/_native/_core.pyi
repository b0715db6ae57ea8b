# SPDX-License-Identifier: Apache-2.0
"""What type checkers see of the compiled extension: its functions are declared in native/include/secmod.h."""

from typing import Any

ffi: Any
lib: Any
