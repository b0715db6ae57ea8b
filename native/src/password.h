/* SPDX-License-Identifier: Apache-2.0 */
/* A stored password.  The bytes behind its end are zero, so that comparing always looks at all of them. */
#ifndef SECMOD_PASSWORD_H
#define SECMOD_PASSWORD_H

#include "secmod.h"

struct password {
    uint8_t value[SECMOD_MAX_PASSWORD];
    uint8_t length;
};

#endif
