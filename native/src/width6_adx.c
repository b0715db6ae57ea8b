/* SPDX-License-Identifier: Apache-2.0 */
/* Curves of 384 bits for CPUs with BMI2 and ADX. */
#if defined(__x86_64__)
#define LIMBS 6
#define CORE_ADX
#define OPS_NAME curve_ops_6_adx
#define OPS_PATH "adx"
#define OPS_LANES_NAME curve_ops_6_lanes
#include "width.h"
#else
typedef int width6_adx_is_no_empty_unit;
#endif
