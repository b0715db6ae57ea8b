/* SPDX-License-Identifier: Apache-2.0 */
/* The machine code of the lanes takes the same way whatever the secrets are: under the CPU's trap flag every address of an
 * instruction goes into a hash, and the hashes of very different scalars are equal.  (Memcheck can not run AVX-512; the source is
 * checked by test_lanes_emulated, the compiled branches here.)  LANES_TRACE=1 for every curve and operation; else signatures of
 * the first. */
#define _GNU_SOURCE
#include <signal.h>
#include <ucontext.h>

#include "check.h"
#include "keys.h"
#include "lanes.h"

/* instrumented code takes a hundred times as long and proves nothing */
#if defined(__x86_64__) && defined(__linux__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
enum operation { BASE, SIGN, POINT, CHECKED_BASE, CHECKED_SIGN, ONE_BASE, ONE_SIGN, ONE_CHECKED_BASE, ONE_CHECKED_SIGN, LEAK };

struct secrets {
    uint8_t scalars[8][64], keys[8][64], negatives[8][64], points[8][129], out[8][129];
};

/* A control: a loop as long as a scalar is heavy. */
static __attribute__((noinline)) int leak(const uint8_t *scalar) {
    volatile int sum = 0;
    for (int i = 0; i < 256; i++) {
        if (scalar[i / 8] >> i % 8 & 1) sum = sum + 1;
    }
    return sum;
}

static void compute(enum operation operation, const struct curve *c, struct secrets *s) {
    struct base_job base[8];
    struct sign_job sign[8];
    struct point_job point[8];
    const int checked = operation == CHECKED_BASE || operation == CHECKED_SIGN || operation == ONE_CHECKED_SIGN;
    for (int i = 0; i < 8; i++) {
        base[i] = (struct base_job){.scalar = s->scalars[i], .point = s->out[i], .checked = checked};
        sign[i] = (struct sign_job){
            .key = s->keys[i], .nonce = s->scalars[i], .hash = s->points[0], .hash_length = 32, .signature = s->out[i]};
        if (checked) sign[i].negative = s->negatives[i];
        point[i] = (struct point_job){s->scalars[i], s->points[i], s->out[i], 1};
    }
    if (operation == BASE || operation == CHECKED_BASE) lanes_base_mul_many(c, base, 8);
    if (operation == SIGN || operation == CHECKED_SIGN) lanes_sign_many(c, sign, 8);
    if (operation == POINT) lanes_agree_many(c, point, 8);
    if (operation == ONE_BASE) (void)lanes_base_mul(c, s->scalars[0], s->out[0]);
    if (operation == ONE_SIGN) (void)lanes_sign(c, s->keys[0], s->scalars[0], s->points[0], 32, s->out[0]);
    if (operation == ONE_CHECKED_BASE) (void)lanes_base_mul_checked(c, s->scalars[0], s->out[0]);
    if (operation == ONE_CHECKED_SIGN) lanes_sign_checked(c, &sign[0]);
    if (operation == LEAK) (void)leak(s->scalars[0]);
}

static volatile uint64_t way;
static volatile unsigned long way_steps;

static void step(int number, siginfo_t *info, void *context) {
    (void)number, (void)info;
    way = (way ^ (uint64_t)((const ucontext_t *)context)->uc_mcontext.gregs[REG_RIP]) * UINT64_C(0x100000001b3);
    way_steps = way_steps + 1;
}

#define TRAP_FLAG(instruction) \
    __asm__ volatile("lea -128(%%rsp), %%rsp; pushfq; " instruction "; popfq; lea 128(%%rsp), %%rsp" ::: "memory", "cc")

/* The hash over the addresses of the instructions of an operation; its own are the same in every call. */
static __attribute__((noinline)) uint64_t trace(enum operation operation, const struct curve *c, struct secrets *s, unsigned long *steps) {
    struct sigaction action = {.sa_sigaction = step, .sa_flags = SA_SIGINFO};
    CHECK(sigaction(SIGTRAP, &action, NULL) == 0);
    compute(operation, c, s); /* once before: the linker binds names on the first call */
    way = UINT64_C(0xcbf29ce484222325);
    way_steps = 0;
    TRAP_FLAG("orq $0x100, (%%rsp)");
    compute(operation, c, s);
    TRAP_FLAG("andq $-0x101, (%%rsp)");
    *steps = way_steps;
    return way;
}

/* Scalars of the curve below n: one kind all but zero, one all but full, one mixed. */
static void fill(const struct curve *c, struct secrets *s, int kind) {
    size_t bytes = curve_field_bytes(c);
    memset(s->scalars, kind == 1 ? 0xFF : 0, sizeof s->scalars);
    memset(s->keys, kind == 1 ? 0xFE : 0, sizeof s->keys);
    for (size_t i = 0; i < 8; i++) {
        s->scalars[i][bytes - 1] = (uint8_t)(1 + i);
        s->keys[i][bytes - 1] = (uint8_t)(9 + i);
        s->scalars[i][0] = s->keys[i][0] = kind == 0 ? 0 : 0x7F;
        for (size_t j = 1; kind == 2 && j < bytes; j++) {
            s->scalars[i][j] = (uint8_t)(i * 57 + j * j * 31 + 7);
            s->keys[i][j] = (uint8_t)(i * 83 + j * j * 91 + 5);
        }
        scalar_negate(c, s->keys[i], s->negatives[i]);
    }
}

static void test_way(const struct curve *c, enum operation operation) {
    static struct secrets s;
    uint64_t hashes[3];
    unsigned long steps[3];
    for (int kind = 0; kind < 3; kind++) {
        fill(c, &s, 2); /* points of this curve, and its comb beforehand */
        struct base_job base[8];
        for (int i = 0; i < 8; i++) base[i] = (struct base_job){.scalar = s.scalars[i], .point = s.points[i]};
        lanes_base_mul_many(c, base, 8);
        fill(c, &s, kind);
        hashes[kind] = trace(operation, c, &s, &steps[kind]);
    }
    CHECK(steps[0] > 1000);
    int same = hashes[0] == hashes[1] && hashes[0] == hashes[2];
    CHECK(same == (operation != LEAK));
    if (getenv("LANES_TRACE") != NULL)
        printf("%-16s %d: %lu %lu %lu steps\n", c->facts.name, (int)operation, steps[0], steps[1], steps[2]);
}

int main(void) {
    if (!lanes_available()) {
        puts("no AVX512-IFMA here: the lanes are not tested");
        return EXIT_SUCCESS;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    int all = getenv("LANES_TRACE") != NULL;
    test_way(curve_at(0), LEAK);
    for (int number = 0; number < (all ? secmod_curve_count() : 1); number++) {
        for (int operation = BASE; operation < LEAK; operation++) {
            if (all || operation == CHECKED_SIGN || operation == ONE_CHECKED_SIGN) test_way(curve_at(number), (enum operation)operation);
        }
    }
    return check_end();
}

#else

int main(void) {
    puts("single steps are for x86-64 Linux, without sanitizers: the way of the lanes is not tested");
    return EXIT_SUCCESS;
}

#endif
