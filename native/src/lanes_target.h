/* SPDX-License-Identifier: Apache-2.0 */
/* LANES_BEGIN and LANES_END enclose code for CPUs with AVX512-IFMA; the rest of the library stays baseline x86-64.  Such code
 * runs only after lanes_available() (lanes.h) said yes. */
#ifndef SECMOD_LANES_TARGET_H
#define SECMOD_LANES_TARGET_H

#if defined(LANES_EMULATED) /* tests: the same source on any CPU, and under memcheck, which does not know AVX-512 */
#define LANES_BUILT 1
#include "emulated_avx512.h"
#elif defined(__x86_64__) && (defined(__GNUC__) || defined(__clang__))
#define LANES_BUILT 1
#include <immintrin.h>
typedef __m512i vec;
#else
#define LANES_BUILT 0
#endif

#if defined(LANES_EMULATED)
#define LANES_BEGIN
#define LANES_END
#define LANES_UNROLL
#elif defined(__clang__)
/* clang-format off: _Pragma takes one literal */
#define LANES_BEGIN \
    _Pragma(        \
        "clang attribute push(__attribute__((target(\"avx512f,avx512dq,avx512vl,avx512bw,avx512ifma\"))), apply_to = function)")
/* clang-format on */
#define LANES_END _Pragma("clang attribute pop")
#define LANES_UNROLL _Pragma("clang loop unroll(full)")
#else
#define LANES_BEGIN _Pragma("GCC push_options") _Pragma("GCC target(\"avx512f,avx512dq,avx512vl,avx512bw,avx512ifma\")")
#define LANES_END _Pragma("GCC pop_options")
#define LANES_UNROLL _Pragma("GCC unroll 32")
#endif

/* Instrumented code in one piece takes compilers minutes. */
#if defined(LANES_EMULATED) || defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || !defined(__OPTIMIZE__)
#define LANES_COMPACT 1
#else
#define LANES_COMPACT 0
#endif

#if defined(LANES_EMULATED)
#define LANES_INLINE static inline
#else
#define LANES_INLINE static inline __attribute__((always_inline))
#endif
#define LANES_CALL static __attribute__((noinline))

#endif
