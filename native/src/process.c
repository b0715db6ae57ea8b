/* SPDX-License-Identifier: Apache-2.0 */
#define _DEFAULT_SOURCE /* madvise */

#include "process.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <sys/mman.h>
#include <unistd.h>

#ifndef MADV_WIPEONFORK
#define MADV_WIPEONFORK 18 /* Linux 4.14 */
#endif

/* In a copy of the process the kernel has zeroed the page, and only that; reading it costs nothing, a system call would.  Kernels
 * that do not know this leave us the process id; emulators of a CPU (qemu-user) say that they do it, and do not: process_forked. */
static atomic_uint_fast64_t *page;
static atomic_uint_fast64_t epochs;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void map(void) {
    void *made = mmap(NULL, sizeof *page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (made == MAP_FAILED) return;
    if (madvise(made, sizeof *page, MADV_WIPEONFORK) == 0) {
        page = made;
    } else {
        (void)munmap(made, sizeof *page);
    }
}

uint64_t process_epoch(void) {
    (void)pthread_once(&once, map);
    if (page == NULL) return (uint64_t)getpid();
    uint_fast64_t epoch = atomic_load_explicit(page, memory_order_relaxed);
    if (epoch != 0) return epoch;
    const uint_fast64_t fresh = atomic_fetch_add(&epochs, 1) + 1; /* the count was copied: it goes on from the parent's */
    return atomic_compare_exchange_strong(page, &epoch, fresh) ? fresh : epoch;
}

void process_forked(void) {
    if (page != NULL) atomic_store(page, 0);
}
