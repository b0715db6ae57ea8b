/* SPDX-License-Identifier: Apache-2.0 */
/* Marks bytes as secret: under memcheck, a branch or an address that depends on them is an error. */
#ifndef SECMOD_TESTS_SECRETS_H
#define SECMOD_TESTS_SECRETS_H

#if __has_include(<valgrind/memcheck.h>)
#include <valgrind/memcheck.h>
#define SECRET(bytes, length) ((void)VALGRIND_MAKE_MEM_UNDEFINED(bytes, length))
#define PUBLIC(bytes, length) ((void)VALGRIND_MAKE_MEM_DEFINED(bytes, length))
#else
#define SECRET(bytes, length) ((void)(bytes), (void)(length))
#define PUBLIC(bytes, length) ((void)(bytes), (void)(length))
#endif

#endif
