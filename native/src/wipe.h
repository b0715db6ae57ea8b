/* SPDX-License-Identifier: Apache-2.0 */
/* Erasing of secrets. */
#ifndef SECMOD_WIPE_H
#define SECMOD_WIPE_H

#include <stddef.h>

/* Zeroes the bytes, even where the compiler sees that nobody reads them again. */
void wipe(void *bytes, size_t length);

#endif
