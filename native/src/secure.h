/* SPDX-License-Identifier: Apache-2.0 */
/* Memory for secrets: its pages stay out of core dumps, and out of swap where the process may lock them (RLIMIT_MEMLOCK). */
#ifndef SECMOD_SECURE_H
#define SECMOD_SECURE_H

#include <stddef.h>

#define SECURE_MAX 2048 /* bytes of one block */

/* A block of zeroes, aligned to 64; NULL if there is no memory. */
void *secure_take(size_t size);

/* Wipes a block of this size, and keeps it for the next who asks. */
void secure_give_back(void *block, size_t size);

/* Around fork: nobody is at work here in between.  A child locks its copy of the pages, since locks are not copied. */
void secure_fork_prepare(void);
void secure_fork_parent(void);
void secure_fork_child(void);

#endif
