/* SPDX-License-Identifier: Apache-2.0 */
/* Curves of 512 bits in portable C. */
#define LIMBS 8
#define OPS_NAME curve_ops_8_portable
#define OPS_PATH "portable"
#include "width.h"
