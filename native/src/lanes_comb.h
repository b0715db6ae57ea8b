/* SPDX-License-Identifier: Apache-2.0 */
/* The comb table of a curve, computed from its base point on first use, eight windows at a time. */
#ifndef LANES_COMB_H
#define LANES_COMB_H

static void comb_make(struct comb *comb, const struct lanes_curve *c) {
    struct pt next, eight, row[COMB_ROW];
    struct affine flat[COMB_ROW];
    struct fe products[COMB_ROW];
    fe_all(&next.x, c->x);
    fe_all(&next.y, c->y);
    fe_all(&next.z, c->p.one);
    for (int first = 0; first < COMB_WINDOWS; first += 8) {
        eight = next; /* lanes beyond the last window: of no use, but points */
        for (int lane = 0; lane < 8 && first + lane < COMB_WINDOWS; lane++) {
            pt_select(&eight, (__mmask8)(1U << lane), &next);
            for (int i = 0; i < COMB_WINDOW; i++) pt_double(&next, &next, &c->p);
        }
        pt_odd_multiples(row, &eight, COMB_ROW, &c->p);
        pt_make_affine(flat, row, products, COMB_ROW, &c->p);
        for (int j = 0; j < COMB_ROW; j++) {
            for (int i = 0; i < LIMBS; i++) {
                _Alignas(64) uint64_t x[8], y[8];
                _mm512_store_si512(x, flat[j].x.limb[i]);
                _mm512_store_si512(y, flat[j].y.limb[i]);
                for (int lane = 0; lane < 8 && first + lane < COMB_WINDOWS; lane++) {
                    comb->at[first + lane][i][j] = x[lane];
                    comb->at[first + lane][LIMBS + i][j] = y[lane];
                }
            }
        }
    }
}

#endif
