/* SPDX-License-Identifier: Apache-2.0 */
#include "wipe.h"

#include <string.h>

#include "secmod.h"

void wipe(void *bytes, size_t length) {
    memset(bytes, 0, length);
    __asm__ volatile("" : : "r"(bytes) : "memory"); /* the store can not be dropped: this might read it */
}

void secmod_wipe(uint8_t *bytes, size_t length) { wipe(bytes, length); }
