/* SPDX-License-Identifier: Apache-2.0 */
/* The arithmetic of limbs.h in assembly (adx_gen.c, from native/generate_adx.py): same operands, bounds and results.  Constant time:
 * no branches, and addresses that depend on the arguments' addresses only. */
#ifndef SECMOD_ADX_H
#define SECMOD_ADX_H

#define ADX_JOIN_(a, b, c) a##b##c
#define ADX_JOIN(a, b, c) ADX_JOIN_(a, b, c)
#define adx_mul ADX_JOIN(secmod_, mont_mul_, LIMBS)
#define adx_mul_add ADX_JOIN(secmod_, mont_mul_add_, LIMBS)
#define adx_sqr ADX_JOIN(secmod_, mont_sqr_, LIMBS)
#define adx_add ADX_JOIN(secmod_, mod_add_, LIMBS)
#define adx_sub ADX_JOIN(secmod_, mod_sub_, LIMBS)

void adx_mul(limb z[LIMBS], const limb x[LIMBS], const limb y[LIMBS], const modulus *m);
void adx_mul_add(limb z[LIMBS], const limb x[LIMBS], const limb y[LIMBS], const limb v[LIMBS], const limb w[LIMBS], const modulus *m);
void adx_sqr(limb z[LIMBS], const limb x[LIMBS], const modulus *m);
void adx_add(limb z[LIMBS], const limb x[LIMBS], const limb y[LIMBS], const modulus *m);
void adx_sub(limb z[LIMBS], const limb x[LIMBS], const limb y[LIMBS], const modulus *m);

_Static_assert(offsetof(modulus, m) == 0 && offsetof(modulus, n0) == 24 * LIMBS, "generate_adx.py counts on it");

#endif
