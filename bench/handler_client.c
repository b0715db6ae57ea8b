/* SPDX-License-Identifier: Apache-2.0 */
/* A reader driver (IFD handler 3.0) called as pcscd calls it, without pcscd: handler_client DRIVER DEVICE APDU.
 * So the measurement holds the driver, its socket and the card process, and nothing else. */
#include <dlfcn.h>
#include <string.h>

#include <ifdhandler.h>

#include "block.h"

#define WAIT_MS 10000

typedef RESPONSECODE create_function(DWORD, LPSTR);
typedef RESPONSECODE capability_function(DWORD, DWORD, PDWORD, PUCHAR);
typedef RESPONSECODE presence_function(DWORD);
typedef RESPONSECODE power_function(DWORD, DWORD, PUCHAR, PDWORD);
typedef RESPONSECODE transmit_function(DWORD, SCARD_IO_HEADER, PUCHAR, DWORD, PUCHAR, PDWORD, PSCARD_IO_HEADER);
typedef RESPONSECODE wait_function(DWORD, int);

struct exchange {
    transmit_function *transmit;
    uint8_t command[512];
    size_t length;
};

/* A function of the driver; ISO C has no cast from void * to it. */
static void look_up(void *driver, const char *name, void *function)
{
    void *found = dlsym(driver, name);
    if (found == NULL) {
        fprintf(stderr, "the driver has no %s\n", name);
        exit(1);
    }
    memcpy(function, &found, sizeof found);
}

static bool transmit(void *state)
{
    struct exchange *e = state;
    static uint8_t response[65556];
    SCARD_IO_HEADER protocol = {1, sizeof protocol}, answered;
    DWORD length = 65548;
    return e->transmit(0, protocol, e->command, e->length, response, &length, &answered) == IFD_SUCCESS && length >= 2 &&
           response[length - 2] == 0x90 && response[length - 1] == 0x00;
}

/* Lets the driver work as pcscd's event thread does, until a card is in. */
static bool await_card(void *driver)
{
    capability_function *capability;
    presence_function *present;
    wait_function *wait = NULL;
    DWORD size = sizeof wait;
    const uint64_t end = nanoseconds() + WAIT_MS * UINT64_C(1000000);
    look_up(driver, "IFDHGetCapabilities", &capability);
    look_up(driver, "IFDHICCPresence", &present);
    if (capability(0, TAG_IFD_POLLING_THREAD_WITH_TIMEOUT, &size, (PUCHAR)&wait) != IFD_SUCCESS)
        wait = NULL;
    while (present(0) != IFD_SUCCESS && nanoseconds() < end)
        if (wait != NULL)
            (void)wait(0, 100);
    return present(0) == IFD_SUCCESS;
}

int main(int argc, char **argv)
{
    struct exchange e;
    create_function *create;
    power_function *power;
    UCHAR atr[MAX_ATR_SIZE];
    DWORD atr_length = sizeof atr;
    void *driver = argc == 4 ? dlopen(argv[1], RTLD_NOW) : NULL;
    if (driver == NULL) {
        fprintf(stderr, "usage: handler_client DRIVER DEVICE APDU (%s)\n", argc == 4 ? dlerror() : "three arguments");
        return 2;
    }
    look_up(driver, "IFDHCreateChannelByName", &create);
    look_up(driver, "IFDHPowerICC", &power);
    look_up(driver, "IFDHTransmitToICC", &e.transmit);
    e.length = from_hex(argv[3], e.command, sizeof e.command);
    if (create(0, argv[2]) != IFD_SUCCESS || !await_card(driver) || power(0, IFD_POWER_UP, atr, &atr_length) != IFD_SUCCESS) {
        fprintf(stderr, "no card behind %s\n", argv[2]);
        return 1;
    }
    return serve_blocks(transmit, &e);
}
