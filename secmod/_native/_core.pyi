# SPDX-License-Identifier: Apache-2.0
# What type checkers see of the compiled extension; native/include/secmod.h declares what `lib` holds.

from typing import Any

ffi: Any
lib: Any
