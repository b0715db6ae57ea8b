/* SPDX-License-Identifier: Apache-2.0 */
/* One reader: its state, its lock, and what pcscd has been told.
 *
 * pcscd serialises all calls for one reader except slot_wait and slot_interrupt; the functions here rely on no such thing. */
#ifndef SECMOD_IFD_SLOT_H
#define SECMOD_IFD_SLOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <ifdhandler.h>

#define SLOTS 16 /* as many as one pcscd can serve */

struct slot;

/* What attributes are made of. */
struct slot_facts {
    bool present;
    bool powered;
    uint8_t protocol; /* 0: T=0, 1: T=1 */
    uint8_t atr[MAX_ATR_SIZE];
    size_t atr_length;
};

/* Opens the reader `lun`, or NULL if it is open already or all slots are taken.  A socket that can not be had is logged and
 * tried again later: the reader is there, and empty. */
struct slot *slot_open(DWORD lun, const char *device);
struct slot *slot_find(DWORD lun);
void slot_close(struct slot *slot);

/* Waits for the next change of presence, at most `timeout_ms`; serves the listening socket meanwhile.  Each change is told
 * before the next one is read, so no removal is ever hidden by a quick insertion. */
void slot_wait(struct slot *slot, int timeout_ms);
/* Makes the running, or else the next, slot_wait return. */
void slot_interrupt(struct slot *slot);

bool slot_present(struct slot *slot);
struct slot_facts slot_facts(struct slot *slot);

/* Requests to the card process; on any error *length is 0. */
RESPONSECODE slot_power_up(struct slot *slot, bool reset, uint8_t atr[MAX_ATR_SIZE], size_t *length);
RESPONSECODE slot_power_down(struct slot *slot);
RESPONSECODE slot_protocol(struct slot *slot, uint8_t protocol);
RESPONSECODE slot_transmit(struct slot *slot, const uint8_t *command, size_t command_length, uint8_t *response, size_t *length);
RESPONSECODE slot_escape(struct slot *slot, const uint8_t *command, size_t command_length, uint8_t *response, size_t *length);

#endif
