/* SPDX-License-Identifier: Apache-2.0 */
#define _DEFAULT_SOURCE /* madvise, mlock */

#include "secure.h"

#include <pthread.h>
#include <stdint.h>
#include <sys/mman.h>

#include "secmod.h"
#include "wipe.h"

/* The search for leaks does not look into pages that it knows nothing of, and what libcrypto gave us is referred to from here alone. */
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define LEAKS_ARE_SOUGHT
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(LEAKS_ARE_SOUGHT)
#include <sanitizer/lsan_interface.h>
#else
#define __lsan_register_root_region(start, size) ((void)0)
#endif

#define GRAIN 64
#define REGION 32768 /* bytes that are mapped at a time; many processes may lock no more than 64 KiB */

/* Blocks that were given back, by size in grains; the first bytes of one lead to the next. */
struct spare {
    struct spare *next;
};

/* At the start of each region. */
struct region {
    struct region *next;
    int locked;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* guards all of the following; no other is taken under it */
static struct spare *spares[SECURE_MAX / GRAIN + 1];
static struct region *regions;
static uint8_t *unused; /* of the newest region */
static size_t unused_bytes;
static int dumped; /* of any region: the kernel knows no MADV_DONTDUMP */

static int region_map(void) {
    struct region *made = mmap(NULL, REGION, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (made == MAP_FAILED) return 0;
    if (madvise(made, REGION, MADV_DONTDUMP) != 0) dumped = 1;
    __lsan_register_root_region(made, REGION);
    made->locked = mlock(made, REGION) == 0;
    made->next = regions;
    regions = made;
    unused = (uint8_t *)made + GRAIN;
    unused_bytes = REGION - GRAIN;
    return 1;
}

_Static_assert(sizeof(struct region) <= GRAIN && SECURE_MAX % GRAIN == 0, "blocks are whole grains");

static size_t grains(size_t size) { return (size + GRAIN - 1) / GRAIN; }

static void *block_find(size_t count) {
    struct spare *found = spares[count];
    if (found != NULL) {
        spares[count] = found->next;
        found->next = NULL;
        return found;
    }
    if (unused_bytes < count * GRAIN && !region_map()) return NULL; /* what the old region had left is not worth a list */
    void *fresh = unused;
    unused += count * GRAIN;
    unused_bytes -= count * GRAIN;
    return fresh;
}

void *secure_take(size_t size) {
    if (size < 1 || size > SECURE_MAX) return NULL;
    pthread_mutex_lock(&lock);
    void *block = block_find(grains(size));
    pthread_mutex_unlock(&lock);
    return block;
}

void secure_give_back(void *block, size_t size) {
    if (block == NULL) return;
    struct spare *spare = block;
    wipe(block, size);
    pthread_mutex_lock(&lock);
    spare->next = spares[grains(size)];
    spares[grains(size)] = spare;
    pthread_mutex_unlock(&lock);
}

void secmod_secret_memory(struct secmod_secret_memory *out) {
    *out = (struct secmod_secret_memory){.bytes = 0};
    pthread_mutex_lock(&lock);
    for (const struct region *region = regions; region != NULL; region = region->next) {
        out->bytes += REGION;
        out->locked += region->locked ? REGION : 0;
    }
    out->dumped = dumped;
    pthread_mutex_unlock(&lock);
}

/* ---- fork ---------------------------------------------------------------------------------------------------------------- */

void secure_fork_prepare(void) { pthread_mutex_lock(&lock); }

void secure_fork_parent(void) { pthread_mutex_unlock(&lock); }

void secure_fork_child(void) {
    for (struct region *region = regions; region != NULL; region = region->next) region->locked = mlock(region, REGION) == 0;
    pthread_mutex_unlock(&lock);
}
