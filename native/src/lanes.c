/* SPDX-License-Identifier: Apache-2.0 */
/* Which CPUs, which width, and batches of more than eight. */
#include "lanes.h"

#include "lanes_curve.h"
#include "lanes_gen.h"
#include "lanes_width.h"

#if LANES_BUILT
#if !defined(LANES_EMULATED)
#include <cpuid.h>
#endif
#include <pthread.h>
#include <stdatomic.h>

#define LANES 8

static const struct lanes_curve lanes_curves[] = {LANES_CURVE_ROWS};

/* AVX512-F, -DQ, -IFMA, -BW and -VL in leaf 7; the operating system keeps vectors and masks (bits 1, 2, 5, 6, 7 of XCR0). */
int lanes_available(void) {
#if defined(LANES_EMULATED)
    return 1;
#else
    const unsigned int wanted = 1U << 16 | 1U << 17 | 1U << 21 | 1U << 30 | 1U << 31, osxsave = 1U << 27;
    unsigned int a, b, c, d, low, high;
    if (!__get_cpuid(1, &a, &b, &c, &d) || (c & osxsave) == 0) return 0;
    if (!__get_cpuid_count(7, 0, &a, &b, &c, &d) || (b & wanted) != wanted) return 0;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return (low & 0xE6U) == 0xE6U;
#endif
}

/* ---- comb tables: made on first use, then only read --------------------------------------------------------------------------
 */

static _Alignas(64) uint8_t comb_room[LANES_COMB_ROOM];
static _Atomic(const void *) combs[CURVE_COUNT];
static pthread_mutex_t comb_lock = PTHREAD_MUTEX_INITIALIZER;
static size_t comb_used;

static const struct lanes_width *width_of(const struct lanes_curve *c) {
    return c->limbs == 5 ? &lanes_width5 : c->limbs == 8 ? &lanes_width8 : &lanes_width10;
}

static const void *comb_of(int number) {
    const void *comb = atomic_load_explicit(&combs[number], memory_order_acquire);
    if (comb != NULL) return comb;
    const struct lanes_width *width = width_of(&lanes_curves[number]);
    (void)pthread_mutex_lock(&comb_lock);
    comb = atomic_load_explicit(&combs[number], memory_order_relaxed);
    if (comb == NULL) {
        void *made = comb_room + comb_used;
        width->comb_make(made, &lanes_curves[number]);
        comb_used += width->comb_bytes;
        comb = made;
        atomic_store_explicit(&combs[number], comb, memory_order_release);
    }
    (void)pthread_mutex_unlock(&comb_lock);
    return comb;
}

void lanes_fork_prepare(void) { (void)pthread_mutex_lock(&comb_lock); }
void lanes_fork_done(void) { (void)pthread_mutex_unlock(&comb_lock); }

/* ---- batches ------------------------------------------------------------------------------------------------------------------
 */

static size_t some(size_t count) { return count < LANES ? count : LANES; }

void lanes_base_mul_many(const struct curve *curve, struct base_job *jobs, size_t count) {
    const struct lanes_curve *c = &lanes_curves[curve->number];
    const void *comb = comb_of(curve->number);
    for (size_t i = 0; i < count; i += LANES) width_of(c)->base_mul(c, comb, curve_field_bytes(curve), jobs + i, some(count - i));
}

void lanes_point_mul_many(const struct curve *curve, struct point_job *jobs, size_t count) {
    const struct lanes_curve *c = &lanes_curves[curve->number];
    for (size_t i = 0; i < count; i += LANES) width_of(c)->point_mul(c, curve_field_bytes(curve), jobs + i, some(count - i), 0);
}

void lanes_agree_many(const struct curve *curve, struct point_job *jobs, size_t count) {
    const struct lanes_curve *c = &lanes_curves[curve->number];
    for (size_t i = 0; i < count; i += LANES) width_of(c)->point_mul(c, curve_field_bytes(curve), jobs + i, some(count - i), 1);
}

void lanes_sign_many(const struct curve *curve, struct sign_job *jobs, size_t count) {
    const struct lanes_curve *c = &lanes_curves[curve->number];
    const void *comb = comb_of(curve->number);
    for (size_t i = 0; i < count; i += LANES) width_of(c)->sign(c, comb, curve_field_bytes(curve), jobs + i, some(count - i));
}

void lanes_verify_many_vartime(const struct curve *curve, struct verify_job *jobs, size_t count) {
    const struct lanes_curve *c = &lanes_curves[curve->number];
    const void *comb = comb_of(curve->number);
    for (size_t i = 0; i < count; i += LANES) width_of(c)->verify(c, comb, curve_field_bytes(curve), jobs + i, some(count - i));
}

static int base_mul_one(const struct curve *curve, struct base_job job) {
    const struct lanes_curve *c = &lanes_curves[curve->number];
    width_of(c)->base_mul_one(c, comb_of(curve->number), curve_field_bytes(curve), &job);
    return job.result == SECMOD_OK;
}

int lanes_base_mul(const struct curve *curve, const uint8_t *scalar, uint8_t *point) {
    return base_mul_one(curve, (struct base_job){.scalar = scalar, .point = point});
}

int lanes_base_mul_checked(const struct curve *curve, const uint8_t *scalar, uint8_t *point) {
    return base_mul_one(curve, (struct base_job){.scalar = scalar, .point = point, .checked = 1});
}

void lanes_sign_checked(const struct curve *curve, struct sign_job *job) {
    const struct lanes_curve *c = &lanes_curves[curve->number];
    width_of(c)->sign_one(c, comb_of(curve->number), curve_field_bytes(curve), job);
}

int lanes_sign(const struct curve *curve, const uint8_t *d, const uint8_t *k, const uint8_t *hash, size_t hash_length,
               uint8_t *signature) {
    struct sign_job job = {.key = d, .nonce = k, .hash = hash, .hash_length = hash_length, .signature = signature};
    lanes_sign_checked(curve, &job);
    return job.result == SECMOD_OK;
}

#else

int lanes_available(void) { return 0; }
void lanes_fork_prepare(void) {}
void lanes_fork_done(void) {}
void lanes_base_mul_many(const struct curve *curve, struct base_job *jobs, size_t count) {
    (void)curve, (void)jobs, (void)count;
}
void lanes_point_mul_many(const struct curve *curve, struct point_job *jobs, size_t count) {
    (void)curve, (void)jobs, (void)count;
}
void lanes_agree_many(const struct curve *curve, struct point_job *jobs, size_t count) {
    (void)curve, (void)jobs, (void)count;
}
void lanes_sign_many(const struct curve *curve, struct sign_job *jobs, size_t count) {
    (void)curve, (void)jobs, (void)count;
}
void lanes_verify_many_vartime(const struct curve *curve, struct verify_job *jobs, size_t count) {
    (void)curve, (void)jobs, (void)count;
}

int lanes_base_mul(const struct curve *curve, const uint8_t *scalar, uint8_t *point) {
    (void)curve, (void)scalar, (void)point;
    return 0;
}
int lanes_base_mul_checked(const struct curve *curve, const uint8_t *scalar, uint8_t *point) {
    (void)curve, (void)scalar, (void)point;
    return 0;
}
void lanes_sign_checked(const struct curve *curve, struct sign_job *job) { (void)curve, (void)job; }
int lanes_sign(const struct curve *curve, const uint8_t *d, const uint8_t *k, const uint8_t *hash, size_t hash_length,
               uint8_t *signature) {
    (void)curve, (void)d, (void)k, (void)hash, (void)hash_length, (void)signature;
    return 0;
}

#endif
