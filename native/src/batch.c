/* SPDX-License-Identifier: Apache-2.0 */
/* Many operations in one call.  Jobs are gathered curve by curve in groups of eight, which the curve's lanes do at once if it has
 * any.  A key is copied out of its slot and wiped with its group: no thread ever holds two slots, so the order of keys and vaults
 * does not matter, nor whether one comes twice. */
#include <openssl/err.h>
#include <string.h>

#include "ct.h"
#include "curve_ops.h"
#include "ecdsa.h"
#include "vault.h"
#include "wipe.h"

#define GROUP 8

/* Groups of fewer are done one by one: the lanes take as long for one job as for eight. */
#define LEAST_SIGN 2
#define LEAST_GENERATE 2
#define LEAST_AGREE 2
#define LEAST_VERIFY 3

/* ---- sign --------------------------------------------------------------------------------------------------------------- */

struct sign_group {
    int count;
    struct secmod_sign_job *of[GROUP];
    uint8_t keys[GROUP][SECMOD_MAX_FIELD], negatives[GROUP][SECMOD_MAX_FIELD], nonces[GROUP][SECMOD_MAX_FIELD];
};

static void sign_lanes(const struct curve *curve, struct sign_job *jobs, int count) {
    const struct curve_ops *ops = curve_ops_of(curve);
    if (ops->sign_many != NULL && count >= LEAST_SIGN) {
        ops->sign_many(curve, jobs, (size_t)count);
        return;
    }
    for (int i = 0; i < count; i++) sign_one(curve, &jobs[i]);
}

/* Signs all of a group, which is empty then. */
static void sign_group(const struct curve *curve, struct sign_group *group) {
    if (group->count == 0) return;
    struct sign_job jobs[GROUP];
    for (int i = 0; i < group->count; i++) {
        struct secmod_sign_job *of = group->of[i];
        jobs[i] = (struct sign_job){.key = group->keys[i],
                                    .negative = vault_checks(of->vault) ? group->negatives[i] : NULL,
                                    .nonce = group->nonces[i],
                                    .hash = of->hash,
                                    .hash_length = (size_t)of->hash_length,
                                    .signature = of->signature};
    }
    sign_lanes(curve, jobs, group->count);
    for (int i = 0; i < group->count; i++) {
        struct secmod_sign_job *of = group->of[i];
        ct_publish(of->signature, sizeof of->signature);
        of->result = vault_settle(of->vault, jobs[i].result);
        if (of->result == SECMOD_E_FAULT) wipe(of->signature, sizeof of->signature);
        if (of->result == SECMOD_E_SCALAR) { /* r or s is zero: once more, with another nonce */
            size_t length = sizeof of->signature;
            of->result = secmod_ecdsa_sign(of->vault, of->key, of->hash, (size_t)of->hash_length, of->signature, &length);
        }
    }
    wipe(group, sizeof *group);
}

/* Adds a job to the group of its curve.  The result of a job that is in none, or SECMOD_OK. */
static int sign_add(struct sign_group groups[CURVE_COUNT], struct secmod_sign_job *job) {
    if (job->hash_length < 1 || job->hash_length > ECDSA_HASH_MAX) return SECMOD_E_ARGUMENT;
    const struct private_key *key = vault_take(job->vault, job->key);
    if (key == NULL) return SECMOD_E_HANDLE;
    const struct curve *curve = key->curve;
    struct sign_group *group = &groups[curve->number];
    int result = ecdsa_nonce(key, vault_generator(job->vault), job->hash, (size_t)job->hash_length, group->nonces[group->count]);
    if (result == SECMOD_OK) {
        memcpy(group->keys[group->count], key->scalar, curve_field_bytes(curve));
        memcpy(group->negatives[group->count], key->negative, curve_field_bytes(curve));
        group->of[group->count++] = job;
    }
    vault_give_back(job->vault, job->key);
    if (group->count == GROUP) sign_group(curve, group);
    return result;
}

void secmod_ecdsa_sign_many(struct secmod_sign_job *jobs, size_t count) {
    struct sign_group groups[CURVE_COUNT];
    memset(groups, 0, sizeof groups);
    ERR_set_mark();
    for (size_t i = 0; i < count; i++) {
        memset(jobs[i].signature, 0, sizeof jobs[i].signature);
        jobs[i].result = SECMOD_OK;
        int result = sign_add(groups, &jobs[i]);
        if (result != SECMOD_OK) jobs[i].result = result;
    }
    for (int i = 0; i < CURVE_COUNT; i++) sign_group(curve_at(i), &groups[i]);
    ERR_pop_to_mark();
}

/* ---- verify ------------------------------------------------------------------------------------------------------------- */

struct verify_group {
    int count;
    struct secmod_verify_job *of[GROUP];
};

/* One by one, keys that were seen before are remembered. */
static int verify_single(const struct secmod_verify_job *job) {
    return secmod_ecdsa_verify(job->curve, job->point, (size_t)job->point_length, job->hash, (size_t)job->hash_length,
                               job->signature, (size_t)job->signature_length);
}

static void verify_group(const struct curve *curve, struct verify_group *group) {
    const struct curve_ops *ops = curve_ops_of(curve);
    struct verify_job jobs[GROUP];
    const int lanes = ops->verify_many_vartime != NULL && group->count >= LEAST_VERIFY;
    for (int i = 0; i < group->count; i++) {
        const struct secmod_verify_job *of = group->of[i];
        jobs[i] = (struct verify_job){
            .point = of->point, .hash = of->hash, .signature = of->signature, .hash_length = (size_t)of->hash_length};
        if (!lanes) jobs[i].result = verify_single(of);
    }
    if (lanes) ops->verify_many_vartime(curve, jobs, (size_t)group->count);
    for (int i = 0; i < group->count; i++) group->of[i]->result = jobs[i].result;
    group->count = 0;
}

/* 1 if all lengths are those of the job's curve. */
static int verify_lengths_ok(const struct secmod_verify_job *job, const struct curve *curve) {
    return job->hash_length >= 1 && job->hash_length <= ECDSA_HASH_MAX && job->point_length == (int)curve_point_bytes(curve) &&
           job->signature_length == (int)curve_signature_bytes(curve);
}

void secmod_ecdsa_verify_many(struct secmod_verify_job *jobs, size_t count) {
    struct verify_group groups[CURVE_COUNT];
    memset(groups, 0, sizeof groups);
    for (size_t i = 0; i < count; i++) {
        const struct curve *curve = curve_at(jobs[i].curve);
        if (curve == NULL || !verify_lengths_ok(&jobs[i], curve)) {
            jobs[i].result = verify_single(&jobs[i]);
            continue;
        }
        struct verify_group *group = &groups[curve->number];
        group->of[group->count++] = &jobs[i];
        if (group->count == GROUP) verify_group(curve, group);
    }
    for (int i = 0; i < CURVE_COUNT; i++) verify_group(curve_at(i), &groups[i]);
}

/* ---- agree -------------------------------------------------------------------------------------------------------------- */

struct agree_group {
    int count;
    struct secmod_agree_job *of[GROUP];
    uint8_t keys[GROUP][SECMOD_MAX_FIELD];
};

static void agree_lanes(const struct curve *curve, struct point_job *jobs, int count) {
    const struct curve_ops *ops = curve_ops_of(curve);
    if (ops->agree_many != NULL && count >= LEAST_AGREE) {
        ops->agree_many(curve, jobs, (size_t)count);
        return;
    }
    uint8_t shared[SECMOD_MAX_POINT];
    for (int i = 0; i < count; i++) {
        jobs[i].result = public_key_check(curve, jobs[i].point, curve_point_bytes(curve));
        if (jobs[i].result != SECMOD_OK) continue;
        int done = ops->point_mul(curve, jobs[i].scalar, jobs[i].point, shared); /* the scalar of a key is never refused */
        if (!ct_reveal((ct_mask)done)) jobs[i].result = SECMOD_E_FAULT;
        memcpy(jobs[i].out, shared + 1, curve_field_bytes(curve)); /* zeroes after a fault */
    }
    wipe(shared, sizeof shared);
}

static void agree_group(const struct curve *curve, struct agree_group *group) {
    if (group->count == 0) return;
    struct point_job jobs[GROUP];
    for (int i = 0; i < group->count; i++) {
        jobs[i] = (struct point_job){.scalar = group->keys[i], .point = group->of[i]->point, .out = group->of[i]->z};
    }
    agree_lanes(curve, jobs, group->count);
    for (int i = 0; i < group->count; i++) group->of[i]->result = jobs[i].result;
    wipe(group, sizeof *group);
}

static int agree_add(struct agree_group groups[CURVE_COUNT], struct secmod_agree_job *job) {
    const struct private_key *key = vault_take(job->vault, job->key);
    if (key == NULL) return SECMOD_E_HANDLE;
    const struct curve *curve = key->curve;
    struct agree_group *group = &groups[curve->number];
    int result = vault_usable(job->vault);
    if (result == SECMOD_OK && job->point_length != (int)curve_point_bytes(curve)) result = SECMOD_E_POINT;
    if (result == SECMOD_OK) {
        memcpy(group->keys[group->count], key->scalar, curve_field_bytes(curve));
        group->of[group->count++] = job;
    }
    vault_give_back(job->vault, job->key);
    if (group->count == GROUP) agree_group(curve, group);
    return result;
}

void secmod_ecka_agree_many(struct secmod_agree_job *jobs, size_t count) {
    struct agree_group groups[CURVE_COUNT];
    memset(groups, 0, sizeof groups);
    for (size_t i = 0; i < count; i++) {
        memset(jobs[i].z, 0, sizeof jobs[i].z);
        jobs[i].result = SECMOD_OK;
        int result = agree_add(groups, &jobs[i]);
        if (result != SECMOD_OK) jobs[i].result = result;
    }
    for (int i = 0; i < CURVE_COUNT; i++) agree_group(curve_at(i), &groups[i]);
}

/* ---- generate ----------------------------------------------------------------------------------------------------------- */

struct generate_group {
    int count;
    struct secmod_generate_job *of[GROUP];
    uint8_t scalars[GROUP][SECMOD_MAX_FIELD];
};

/* k G for each, checked. */
static void generate_lanes(const struct curve *curve, struct base_job *jobs, int count) {
    const struct curve_ops *ops = curve_ops_of(curve);
    if (ops->base_mul_many != NULL && count >= LEAST_GENERATE) {
        ops->base_mul_many(curve, jobs, (size_t)count);
        return;
    }
    for (int i = 0; i < count; i++) {
        int done = ops->base_mul_checked(curve, jobs[i].scalar, jobs[i].point);
        jobs[i].result = (done - 1) & SECMOD_E_FAULT;
    }
}

static void generate_group(const struct curve *curve, struct generate_group *group) {
    if (group->count == 0) return;
    struct base_job jobs[GROUP];
    struct private_key keys[GROUP];
    for (int i = 0; i < group->count; i++) {
        private_key_begin(curve, group->scalars[i], &keys[i]);
        jobs[i] = (struct base_job){.scalar = keys[i].scalar, .point = keys[i].point, .checked = 1};
    }
    generate_lanes(curve, jobs, group->count);
    for (int i = 0; i < group->count; i++) {
        struct secmod_generate_job *job = group->of[i];
        struct secret made = {.kind = SECRET_KEY};
        int good = ct_reveal((ct_mask)jobs[i].result) == (ct_mask)SECMOD_OK;
        job->result = vault_settle(job->vault, private_key_check(&keys[i], good));
        if (job->result != SECMOD_OK) continue;
        memcpy(job->point, keys[i].point, curve_point_bytes(curve));
        made.as.key = keys[i];
        job->result = vault_put(job->vault, &made, &job->key); /* wipes `made` */
        if (job->result != SECMOD_OK) memset(job->point, 0, sizeof job->point);
    }
    wipe(keys, sizeof keys);
    wipe(group, sizeof *group);
}

static int generate_add(struct generate_group groups[CURVE_COUNT], struct secmod_generate_job *job) {
    const struct curve *curve = curve_at(job->curve);
    if (job->vault == NULL || curve == NULL) return SECMOD_E_ARGUMENT;
    struct generate_group *group = &groups[curve->number];
    int result = vault_scalar(job->vault, curve, group->scalars[group->count], DRBG_FRESH);
    if (result == SECMOD_OK) group->of[group->count++] = job;
    if (group->count == GROUP) generate_group(curve, group);
    return result;
}

void secmod_key_generate_many(struct secmod_generate_job *jobs, size_t count) {
    struct generate_group groups[CURVE_COUNT];
    memset(groups, 0, sizeof groups);
    ERR_set_mark();
    for (size_t i = 0; i < count; i++) {
        memset(jobs[i].point, 0, sizeof jobs[i].point);
        jobs[i].key = 0;
        jobs[i].result = SECMOD_OK;
        int result = generate_add(groups, &jobs[i]);
        if (result != SECMOD_OK) jobs[i].result = result;
    }
    for (int i = 0; i < CURVE_COUNT; i++) generate_group(curve_at(i), &groups[i]);
    ERR_pop_to_mark();
}
