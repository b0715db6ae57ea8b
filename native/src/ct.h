/* SPDX-License-Identifier: Apache-2.0 */
/* Constant-time tools: masks (all ones for yes, zero for no) and comparisons over them.  Lengths are public, contents are not. */
#ifndef SECMOD_CT_H
#define SECMOD_CT_H

#include <stddef.h>
#include <stdint.h>

#ifdef SECMOD_CHECK_CT
#include <valgrind/memcheck.h>
#endif

typedef uint32_t ct_mask;

/* The value itself, in a way that the compiler can not see through: it may not turn masks back into branches. */
static inline uint32_t ct_barrier(uint32_t value) {
    __asm__("" : "+r"(value));
    return value;
}

/* All ones if `bit` is 1, zero if it is 0. */
static inline ct_mask ct_mask_of(uint32_t bit) { return (ct_mask)(0U - ct_barrier(bit)); }

/* The mask, of which everybody may know from here on whether it holds.  The builds that look for secret branches under memcheck
 * take note of it. */
static inline ct_mask ct_reveal(ct_mask mask) {
#ifdef SECMOD_CHECK_CT
    (void)VALGRIND_MAKE_MEM_DEFINED(&mask, sizeof mask);
#endif
    return mask;
}

/* From here on everybody may know these bytes. */
static inline void ct_publish(const uint8_t *bytes, size_t length) {
#ifdef SECMOD_CHECK_CT
    (void)VALGRIND_MAKE_MEM_DEFINED(bytes, length);
#else
    (void)bytes, (void)length;
#endif
}

/* From here on nobody may know these bytes: the same builds look for branches on them. */
static inline void ct_conceal(const uint8_t *bytes, size_t length) {
#ifdef SECMOD_CHECK_CT
    (void)VALGRIND_MAKE_MEM_UNDEFINED(bytes, length);
#else
    (void)bytes, (void)length;
#endif
}

/* All ones if every byte is zero. */
static inline ct_mask ct_is_zero(const uint8_t *bytes, size_t length) {
    uint32_t seen = 0;
    for (size_t i = 0; i < length; i++) seen |= bytes[i];
    return ct_mask_of((ct_barrier(seen) - 1U) >> 31);
}

/* All ones if a and b are the same bytes. */
static inline ct_mask ct_equal(const uint8_t *a, const uint8_t *b, size_t length) {
    uint32_t difference = 0;
    for (size_t i = 0; i < length; i++) difference |= (uint32_t)(a[i] ^ b[i]);
    return ct_mask_of((ct_barrier(difference) - 1U) >> 31);
}

/* All ones if a < b, both big-endian numbers of `length` bytes: the borrow of a - b. */
static inline ct_mask ct_less(const uint8_t *a, const uint8_t *b, size_t length) {
    uint32_t borrow = 0;
    for (size_t i = length; i-- > 0;) borrow = ((uint32_t)a[i] - (uint32_t)b[i] - ct_barrier(borrow)) >> 31;
    return ct_mask_of(borrow);
}

#endif
