/* SPDX-License-Identifier: Apache-2.0 */
/* Curves of 384 bits in portable C. */
#define LIMBS 6
#define OPS_NAME curve_ops_6_portable
#define OPS_PATH "portable"
#include "width.h"
