/* SPDX-License-Identifier: Apache-2.0 */
/* Copies of the process. */
#ifndef SECMOD_PROCESS_H
#define SECMOD_PROCESS_H

#include <stdint.h>

/* A number that stays the same in a process, and is another in every copy that fork or clone makes of it. */
uint64_t process_epoch(void);

/* For the child, after fork: where the kernel does not see to it. */
void process_forked(void);

#endif
