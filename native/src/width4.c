/* SPDX-License-Identifier: Apache-2.0 */
/* Curves of 256 bits in portable C. */
#define LIMBS 4
#define OPS_NAME curve_ops_4_portable
#define OPS_PATH "portable"
#include "width.h"
