# SPDX-License-Identifier: Apache-2.0
"""Writes native/src/adx_gen.c: modular arithmetic on 4, 6 and 8 limbs in x86-64 assembly for CPUs with BMI2 and ADX.

No compiler keeps two carry chains alive, one in the carry flag (adcx) and one in the overflow flag (adox), beside products that
leave both alone (mulx); so the unrolled code is written here, with the registers rotated by name.  native/src/adx.h says what
the functions do.  The file is not kept in git.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

HEAD = """\
/* SPDX-License-Identifier: Apache-2.0 */
/* Written by native/generate_adx.py; changes belong there. */
"""
WIDTHS = (4, 6, 8)
FREE = ("r8", "r9", "r10", "r11")  # a function may leave anything in them, as in rax, rcx, rdx, rsi and rdi
SAVED = ("rbx", "rbp", "r12", "r13", "r14", "r15")


class Function:
    """The text of one function, System V calling convention; what it uses of SAVED is saved."""

    def __init__(self, name: str, saved: int) -> None:
        """Begin it; the first `saved` of SAVED are its own."""
        self.name = name
        self.saved = SAVED[:saved]
        self.lines = [f"push %{register}" for register in self.saved]

    def emit(self, *lines: str) -> None:
        """Append instructions."""
        self.lines += lines

    def text(self) -> str:
        """The function as C's assembly text."""
        body = [*self.lines, *(f"pop %{register}" for register in reversed(self.saved)), "ret"]
        head = (
            ".text",
            ".p2align 5",
            f".globl {self.name}",
            f".hidden {self.name}",
            f".type {self.name}, @function",
            f"{self.name}:",
        )
        lines = (*head, *(f"\\t{line}" for line in body), f".size {self.name}, . - {self.name}")
        return "__asm__(\n" + "".join(f'    "{line}\\n"\n' for line in lines) + ");\n"

    def add_products(self, base: str, sums: list[str], limbs: Iterable[int], low: str, high: str) -> None:
        """Add rdx times the limbs at `base` to the sums, one more than limbs; the carry goes on in the last of them.

        Both flags must be clear.  What is beyond the last of the sums is left in both flags; `low` is zero then.
        """
        for i, limb in enumerate(limbs):
            self.emit(f"mulx {8 * limb}(%{base}), %{low}, %{high}", f"adcx %{low}, %{sums[i]}", f"adox %{high}, %{sums[i + 1]}")
        self.emit(f"mov $0, %{low}", f"adcx %{low}, %{sums[-1]}")

    def reduce_row(self, limbs: int, sums: list[str], low: str, high: str) -> None:
        """Add a multiple of the modulus at rcx so that the first of the sums becomes zero; as add_products."""
        self.emit(f"mov %{sums[0]}, %rdx", f"imul {24 * limbs}(%rcx), %rdx", f"xor %{low}, %{low}")
        self.add_products("rcx", sums, range(limbs), low, high)

    def subtract_once(self, sums: list[str], top: str, copies: list[str], to: str = "rdi", *, again: bool = False) -> None:
        """Store sums + top * R at `to`, less the modulus at rcx unless that is negative; copies are free registers.

        If it is to be done again, the sums and top are left so, rax is lost, and nothing is stored yet.
        """
        if len(copies) >= len(sums):
            self.emit(*(f"mov %{one}, %{copy}" for one, copy in zip(sums, copies, strict=False)))
        else:
            self.emit(*(f"mov %{one}, {8 * i}(%{to})" for i, one in enumerate(sums)))
        self.emit(*(f"{'sbb' if i else 'sub'} {8 * i}(%rcx), %{one}" for i, one in enumerate(sums)), f"sbb $0, %{top}")
        for i, one in enumerate(sums):
            self.emit(f"cmovc {f'%{copies[i]}' if len(copies) >= len(sums) else f'{8 * i}(%{to})'}, %{one}")
        if again:
            self.emit("mov $0, %eax", f"cmovc %rax, %{top}")
            return
        self.emit(*(f"mov %{one}, {8 * i}(%{to})" for i, one in enumerate(sums)))


def mul(limbs: int) -> str:
    """Montgomery multiplication row by row: z, x, y, m in rdi, rsi, rdx, rcx; bounds as in limbs.h, mont_mul."""
    low, high, y = "rax", "r8", "rdi"
    sums = [*FREE[1:], *SAVED, "rsi"][: limbs + 2]
    crowded = "rsi" in sums  # x is on the stack then
    f = Function(f"secmod_mont_mul_{limbs}", min(limbs - 1, len(SAVED)))
    f.emit("push %rdi", "mov %rdx, %rdi", *(["push %rsi"] if crowded else []))
    for row in range(limbs):
        f.emit(*([f"mov (%rsp), %{low}", f"mov {8 * row}(%{low}), %rdx"] if crowded else [f"mov {8 * row}(%rsi), %rdx"]))
        if row == 0:
            f.emit(f"mulx (%{y}), %{sums[0]}, %{sums[1]}", f"xor %{sums[-1]}, %{sums[-1]}")
            for i in range(1, limbs):
                f.emit(f"mulx {8 * i}(%{y}), %{low}, %{sums[i + 1]}", f"{'adc' if i > 1 else 'add'} %{low}, %{sums[i]}")
            f.emit(f"adc $0, %{sums[limbs]}")
        else:
            f.emit(f"xor %{low}, %{low}")
            f.add_products(y, sums[:-1], range(limbs), low, high)
            f.emit(f"adox %{low}, %{sums[-1]}", f"adcx %{low}, %{sums[-1]}")
        f.reduce_row(limbs, sums[:-1], low, high)
        f.emit(f"adox %{low}, %{sums[-1]}", f"adcx %{low}, %{sums[-1]}")
        sums = sums[1:] + sums[:1]  # the first is zero now
    f.emit(*(["add $8, %rsp"] if crowded else []), "pop %rdi")
    f.subtract_once(sums[:limbs], sums[limbs], [low, "rdx", high, "rsi"])
    return f.text()


def mul_add(limbs: int) -> str:
    """Sum of two products over R: z, x, y, v, w, m in rdi, rsi, rdx, rcx, r8, r9; bounds as in limbs.h, mont_mul_add."""
    low, high, at = "rax", "r8", "rcx"  # `at` is whichever operand is read
    sums = ["rdi", "rsi", *FREE[1:], *SAVED][: limbs + 2]
    f = Function(f"secmod_mont_mul_add_{limbs}", max(0, limbs + 2 - 5))
    f.emit(*(f"push %{argument}" for argument in ("rdi", "r9", "r8", "rcx", "rdx", "rsi")))
    x, y, v, w, m, z = (f"{8 * i}(%rsp)" for i in range(6))
    for row in range(limbs):
        for left, right in ((x, y), (v, w)):
            f.emit(f"mov {left}, %{low}", f"mov {8 * row}(%{low}), %rdx", f"mov {right}, %{at}")
            if row == 0 and left == x:
                f.emit(f"mulx (%{at}), %{sums[0]}, %{sums[1]}", f"xor %{sums[-1]}, %{sums[-1]}")
                for i in range(1, limbs):
                    f.emit(f"mulx {8 * i}(%{at}), %{low}, %{sums[i + 1]}", f"{'adc' if i > 1 else 'add'} %{low}, %{sums[i]}")
                f.emit(f"adc $0, %{sums[limbs]}")
            else:
                f.emit(f"xor %{low}, %{low}")
                f.add_products(at, sums[:-1], range(limbs), low, high)
                f.emit(f"adox %{low}, %{sums[-1]}", f"adcx %{low}, %{sums[-1]}")
        f.emit(f"mov {m}, %rcx")
        f.reduce_row(limbs, sums[:-1], low, high)
        f.emit(f"adox %{low}, %{sums[-1]}", f"adcx %{low}, %{sums[-1]}")
        sums = sums[1:] + sums[:1]
    f.emit(f"mov {z}, %rdx", "add $48, %rsp")
    f.subtract_once(sums[:limbs], sums[limbs], [], "rdx", again=True)
    f.subtract_once(sums[:limbs], sums[limbs], [], "rdx")
    return f.text()


class Words:
    """Where the words of a product are: in a register, or on the stack at rsp."""

    def __init__(self, f: Function, free: list[str]) -> None:
        """None of them is anywhere yet."""
        self.f = f
        self.free = free
        self.registers: dict[int, str] = {}

    def __getitem__(self, i: int) -> str:
        """The register of a word, a new one if it has none."""
        if i not in self.registers:
            self.registers[i] = self.free.pop(0)
        return self.registers[i]

    def spill(self, *words: int) -> None:
        """Store words and free their registers."""
        for i in words:
            self.f.emit(f"mov %{self.registers[i]}, {8 * i}(%rsp)")
            self.free.append(self.registers.pop(i))

    def operand(self, i: int) -> str:
        """The word as an operand."""
        return f"%{self.registers[i]}" if i in self.registers else f"{8 * i}(%rsp)"


def add_cross_products(words: Words, limbs: int, low: str, high: str) -> None:
    """The words of the sum of x_i * x_j * 2^(64 (i + j)) for i < j, x at rsi."""
    f = words.f
    for row in range(limbs - 1):
        f.emit(f"mov {8 * row}(%rsi), %rdx")
        sums = [words[i] for i in range(2 * row + 1, row + limbs + 1)]
        if row == 0:
            f.emit(f"mulx 8(%rsi), %{sums[0]}, %{sums[1]}")
            for i in range(2, limbs):
                f.emit(f"mulx {8 * i}(%rsi), %{low}, %{sums[i]}", f"{'adc' if i > 2 else 'add'} %{low}, %{sums[i - 1]}")
            f.emit(f"adc $0, %{sums[-1]}")
        else:
            f.emit(f"xor %{sums[-1]}, %{sums[-1]}")
            f.add_products("rsi", sums, range(row + 1, limbs), low, high)
        if limbs == WIDTHS[-1]:
            words.spill(2 * row + 1, 2 * row + 2)


def double_and_add_squares(words: Words, limbs: int, low: str, high: str) -> None:
    """Cross products to the square, of which all of the lower half ends in registers."""
    f = words.f
    f.emit(f"xor %{low}, %{low}")
    for i in range(limbs):
        even, odd = 2 * i, 2 * i + 1
        loads = [f"mov {8 * j}(%rsp), %{words[j]}" for j in (even, odd) if j not in words.registers and 0 < j < 2 * limbs - 1]
        f.emit(f"mov {8 * i}(%rsi), %rdx", f"mulx %rdx, %{low if i else words[0]}, %{high}", *loads)
        if i > 0:
            f.emit(f"adcx %{words[even]}, %{words[even]}", f"adox %{low}, %{words[even]}")
        if i == limbs - 1:
            f.emit(f"mov $0, %{words[odd]}")
        f.emit(f"adcx %{words[odd]}, %{words[odd]}", f"adox %{high}, %{words[odd]}")
        if even >= limbs > WIDTHS[0]:
            words.spill(even, odd)


def sqr(limbs: int) -> str:
    """Montgomery squaring: z, x, m in rdi, rsi, rdx.

    Products of different limbs once; then one carry chain doubles them while the other adds the squares; then the lower half is
    reduced: its sum with multiples of m below 2^64 * R stays below R after each division by 2^64.
    """
    low, high, room = "rax", "rcx", 16 * limbs
    f = Function(f"secmod_mont_sqr_{limbs}", len(SAVED))
    f.emit("push %rdi", "push %rdx", f"sub ${room}, %rsp")
    words = Words(f, ["rdi", *FREE, *SAVED])
    add_cross_products(words, limbs, low, high)
    double_and_add_squares(words, limbs, low, high)
    f.emit(f"mov {room}(%rsp), %rcx")
    sums = [words[i] for i in range(limbs)]
    sums.append(words.free[0])
    f.emit(f"xor %{sums[-1]}, %{sums[-1]}")
    for _ in range(limbs):
        f.reduce_row(limbs, sums, low, "rsi")
        sums = sums[1:] + sums[:1]
    f.emit(*(f"{'adc' if i else 'add'} {words.operand(limbs + i)}, %{sums[i]}" for i in range(limbs)))
    f.emit("mov $0, %eax", "adc $0, %eax", f"mov {room + 8}(%rsp), %rdx", f"add ${room + 16}, %rsp")
    copies = ["rsi", *(one for one in words.registers.values() if one not in sums)]
    f.subtract_once(sums[:limbs], low, copies, "rdx")
    return f.text()


def add(limbs: int) -> str:
    """Sum modulo m: z, x, y, m in rdi, rsi, rdx, rcx."""
    sums = [*FREE, *SAVED][:limbs]
    f = Function(f"secmod_mod_add_{limbs}", limbs - len(FREE) + (2 if limbs == WIDTHS[0] else 0))
    f.emit(*(f"mov {8 * i}(%rsi), %{one}" for i, one in enumerate(sums)), "xor %eax, %eax")
    f.emit(*(f"{'adc' if i else 'add'} {8 * i}(%rdx), %{one}" for i, one in enumerate(sums)), "adc $0, %eax")
    f.subtract_once(sums, "rax", ["rsi", "rdx", *f.saved] if limbs == WIDTHS[0] else [])
    return f.text()


def sub(limbs: int) -> str:
    """Difference modulo m: z, x, y, m in rdi, rsi, rdx, rcx; m is added in one or two parts, as the registers reach."""
    words = [*FREE, *SAVED][:limbs]
    part = limbs if limbs < WIDTHS[-1] else limbs // 2
    masked = ["rdx", *SAVED[limbs - len(FREE) :]][: part - 1]  # and rax, which is the mask itself
    f = Function(f"secmod_mod_sub_{limbs}", min(len(SAVED), limbs - len(FREE) + part - 2))
    f.emit(*(f"mov {8 * i}(%rsi), %{one}" for i, one in enumerate(words)))
    f.emit(*(f"{'sbb' if i else 'sub'} {8 * i}(%rdx), %{one}" for i, one in enumerate(words)), "sbb %rax, %rax")
    for start in range(0, limbs, part):
        if start + part < limbs:
            f.emit("mov %rax, %rsi")
        for i, one in enumerate(masked):
            f.emit(f"mov %rax, %{one}", f"and {8 * (start + i)}(%rcx), %{one}")
        f.emit(f"and {8 * (start + part - 1)}(%rcx), %rax")
        if start:
            f.emit("add %rsi, %rsi")  # the carry of the first part
        f.emit(*(f"{'adc' if start + i else 'add'} %{one}, %{words[start + i]}" for i, one in enumerate([*masked, "rax"])))
        if start + part < limbs:
            f.emit("mov %rsi, %rax", "sbb %rsi, %rsi")
    f.emit(*(f"mov %{one}, {8 * i}(%rdi)" for i, one in enumerate(words)))
    return f.text()


def divsteps(count: int) -> str:
    """Division steps of `count` inversions (native/src/inverse.h, struct divsteps): s, k in rdi, rsi.

    Both outcomes of a step are prepared before the lowest bit of g chooses, so that a step takes three to four cycles for one
    inversion and hardly more for two.
    """
    f = Function(f"secmod_divsteps_{count}", len(SAVED) if count > 1 else 0)
    free = iter(["rax", "rcx", "rdx", *FREE, *SAVED])
    state = [[next(free) for _ in range(3)] for _ in range(count)]  # minus_delta, f, g
    spare = [[next(free) for _ in range(3)] for _ in range(count)]
    for i, words in enumerate(state):
        f.emit(*(f"mov {24 * i + 8 * j}(%rdi), %{word}" for j, word in enumerate(words)))
    f.emit("1:")
    for (minus_delta, low, high), (first, second, third) in zip(state, spare, strict=True):
        f.emit(
            f"mov %{minus_delta}, %{third}",
            f"mov %{low}, %{first}",
            f"mov %{high}, %{second}",
            f"sar $63, %{third}",  # all ones if delta is positive
            f"cmovns %{low}, %{second}",  # the next f for an odd g
            f"xor %{third}, %{first}",
            f"sub %{third}, %{first}",  # what is added to an odd g: -f if delta is positive, else f
            f"xor %{minus_delta}, %{third}",
            f"add %{high}, %{first}",
            f"test $1, %{high}",
            f"cmovnz %{first}, %{high}",
            f"cmovnz %{second}, %{low}",
            f"cmovnz %{third}, %{minus_delta}",
            f"sar $1, %{high}",
            f"sub $1, %{minus_delta}",
        )
    f.emit("dec %rsi", "jnz 1b")  # the count is public
    for i, words in enumerate(state):
        f.emit(*(f"mov %{word}, {24 * i + 8 * j}(%rdi)" for j, word in enumerate(words)))
    return f.text()


def source() -> str:
    """The text of adx_gen.c."""
    functions = [function(limbs) for limbs in WIDTHS for function in (mul, mul_add, sqr, add, sub)]
    functions += [divsteps(count) for count in (1, 2)]
    return HEAD + "#if defined(__x86_64__)\n" + "\n".join(functions) + "#endif\n\ntypedef int adx_gen_is_no_empty_unit;\n"


def write_source(path: Path) -> None:
    """Write the file anew if its content changes."""
    text = source()
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write_source(Path(sys.argv[1]))
