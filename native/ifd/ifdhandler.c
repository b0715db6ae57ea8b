/* SPDX-License-Identifier: Apache-2.0 */
/* PC/SC reader driver of secmod (IFD handler 3.0): the calls of pcscd.  Checks arguments, finds the slot, nothing more. */
#include <stdio.h>
#include <string.h>

#pragma GCC visibility push(default)
#include <ifdhandler.h>
#pragma GCC visibility pop
#include <reader.h>

#include "protocol.h"
#include "slot.h"

#define EXPORT __attribute__((visibility("default")))

#define VENDOR "secmod"
#define TYPE "secmod software reader"
#define VERSION_MAJOR 0
#define VERSION_MINOR 1
#define FIRMWARE "0.1.0"

/* Control codes: escape, and one for each feature, told by CM_IOCTL_GET_FEATURE_REQUEST. */
#define CODE_ESCAPE SCARD_CTL_CODE(1)
#define CODE_FEATURE(tag) (SCARD_CTL_CODE(0x4000) + (tag))

/* By this mark `secmod driver` recognises the file as its own. */
EXPORT extern const char secmod_driver_mark[];
const char secmod_driver_mark[] = "secmod reader driver, link version 1";

/* ---- channels ----------------------------------------------------------------------------------------------------------- */

RESPONSECODE IFDHCreateChannelByName(DWORD Lun, LPSTR DeviceName)
{
    return DeviceName != NULL && slot_open(Lun, DeviceName) != NULL ? IFD_SUCCESS : IFD_COMMUNICATION_ERROR;
}

/* A stanza without DEVICENAME: the usual socket of that number. */
RESPONSECODE IFDHCreateChannel(DWORD Lun, DWORD Channel)
{
    char device[64];
    snprintf(device, sizeof device, "unix:/run/secmod/reader%lu.sock", (unsigned long)Channel);
    return slot_open(Lun, device) != NULL ? IFD_SUCCESS : IFD_COMMUNICATION_ERROR;
}

RESPONSECODE IFDHCloseChannel(DWORD Lun)
{
    struct slot *slot = slot_find(Lun);
    if (slot == NULL)
        return IFD_NO_SUCH_DEVICE;
    slot_close(slot);
    return IFD_SUCCESS;
}

/* ---- capabilities and attributes ---------------------------------------------------------------------------------------- */

static RESPONSECODE wait_function(DWORD Lun, int timeout_ms)
{
    struct slot *slot = slot_find(Lun);
    if (slot == NULL)
        return IFD_NO_SUCH_DEVICE;
    slot_wait(slot, timeout_ms);
    return IFD_SUCCESS;
}

static RESPONSECODE stop_function(DWORD Lun)
{
    struct slot *slot = slot_find(Lun);
    if (slot == NULL)
        return IFD_NO_SUCH_DEVICE;
    slot_interrupt(slot);
    return IFD_SUCCESS;
}

/* Hands out `size` bytes if there is room for them. */
static RESPONSECODE give(const void *value, size_t size, PDWORD Length, PUCHAR Value)
{
    const size_t room = *Length;
    *Length = 0;
    if (size > room)
        return IFD_ERROR_INSUFFICIENT_BUFFER;
    memcpy(Value, value, size);
    *Length = size;
    return IFD_SUCCESS;
}

static RESPONSECODE give_byte(uint8_t value, PDWORD Length, PUCHAR Value)
{
    return give(&value, sizeof value, Length, Value);
}

static RESPONSECODE give_number(uint32_t value, PDWORD Length, PUCHAR Value)
{
    return give(&value, sizeof value, Length, Value);
}

/* What is asked before there is a slot, and is the same for all. */
static RESPONSECODE driver_capability(DWORD Tag, PDWORD Length, PUCHAR Value)
{
    RESPONSECODE (*const wait)(DWORD, int) = wait_function;
    RESPONSECODE (*const stop)(DWORD) = stop_function;
    switch (Tag) {
    case TAG_IFD_SIMULTANEOUS_ACCESS:
        return give_byte(SLOTS, Length, Value);
    case TAG_IFD_THREAD_SAFE:
    case TAG_IFD_SLOT_THREAD_SAFE:
    case TAG_IFD_SLOTS_NUMBER:
        return give_byte(1, Length, Value);
    case TAG_IFD_POLLING_THREAD_KILLABLE: /* cancelled threads may hold locks */
        return give_byte(0, Length, Value);
    case TAG_IFD_POLLING_THREAD_WITH_TIMEOUT:
        return give(&wait, sizeof wait, Length, Value);
    case TAG_IFD_STOP_POLLING_THREAD:
        return give(&stop, sizeof stop, Length, Value);
    default:
        *Length = 0;
        return IFD_ERROR_TAG;
    }
}

static RESPONSECODE reader_attribute(struct slot *slot, DWORD Lun, DWORD Tag, PDWORD Length, PUCHAR Value)
{
    const struct slot_facts facts = slot_facts(slot);
    const uint32_t number = (uint32_t)(Lun >> 16);
    char serial[16];
    switch (Tag) {
    case SCARD_ATTR_VENDOR_NAME:
        return give(VENDOR, sizeof VENDOR, Length, Value);
    case SCARD_ATTR_VENDOR_IFD_TYPE:
        return give(TYPE, sizeof TYPE, Length, Value);
    case SCARD_ATTR_VENDOR_IFD_VERSION: /* 0xMMmmbbbb */
        return give_number((uint32_t)VERSION_MAJOR << 24 | VERSION_MINOR << 16, Length, Value);
    case SCARD_ATTR_VENDOR_IFD_SERIAL_NO:
        snprintf(serial, sizeof serial, "%04u", number);
        return give(serial, strlen(serial) + 1, Length, Value);
    case SCARD_ATTR_CHANNEL_ID: /* 0xF0: a kind of the vendor's own (PC/SC part 3, 3.1.1) */
        return give_number(0x00F00000u | number, Length, Value);
    case SCARD_ATTR_CURRENT_PROTOCOL_TYPE:
        return give_number(facts.protocol == 0 ? SCARD_PROTOCOL_T0 : SCARD_PROTOCOL_T1, Length, Value);
    case SCARD_ATTR_ICC_PRESENCE: /* 0: no card, 2: present */
        return give_byte(facts.present ? 2 : 0, Length, Value);
    case SCARD_ATTR_ICC_INTERFACE_STATUS:
        return give_byte(facts.powered ? 1 : 0, Length, Value);
    case TAG_IFD_ATR:
    case SCARD_ATTR_ATR_STRING:
        return give(facts.atr, facts.atr_length, Length, Value);
    case SCARD_ATTR_MAXINPUT:
        return give_number(LINK_MAX_PAYLOAD, Length, Value);
    case SCARD_ATTR_DEVICE_FRIENDLY_NAME:
    case SCARD_ATTR_DEVICE_SYSTEM_NAME: /* pcscd knows them, and takes *Length as the room for them */
        return IFD_ERROR_TAG;
    default:
        *Length = 0;
        return IFD_ERROR_TAG;
    }
}

RESPONSECODE IFDHGetCapabilities(DWORD Lun, DWORD Tag, PDWORD Length, PUCHAR Value)
{
    if (Length == NULL || Value == NULL)
        return IFD_COMMUNICATION_ERROR;
    if (Tag >> 8 == 0x0F)
        return driver_capability(Tag, Length, Value);
    struct slot *slot = slot_find(Lun);
    if (slot != NULL)
        return reader_attribute(slot, Lun, Tag, Length, Value);
    *Length = 0;
    return IFD_NO_SUCH_DEVICE;
}

RESPONSECODE IFDHSetCapabilities(DWORD Lun, DWORD Tag, DWORD Length, PUCHAR Value)
{
    (void)Lun, (void)Tag, (void)Length, (void)Value;
    return IFD_NOT_SUPPORTED;
}

/* ---- the card ----------------------------------------------------------------------------------------------------------- */

RESPONSECODE IFDHICCPresence(DWORD Lun)
{
    struct slot *slot = slot_find(Lun);
    return slot != NULL && slot_present(slot) ? IFD_SUCCESS : IFD_ICC_NOT_PRESENT;
}

RESPONSECODE IFDHPowerICC(DWORD Lun, DWORD Action, PUCHAR Atr, PDWORD AtrLength)
{
    struct slot *slot = slot_find(Lun);
    size_t length = 0;
    RESPONSECODE result;
    if (Atr == NULL || AtrLength == NULL)
        return IFD_COMMUNICATION_ERROR;
    *AtrLength = 0;
    if (slot == NULL)
        return IFD_NO_SUCH_DEVICE;
    switch (Action) {
    case IFD_POWER_UP:
    case IFD_RESET:
        result = slot_power_up(slot, Action == IFD_RESET, Atr, &length);
        break;
    case IFD_POWER_DOWN:
        result = slot_power_down(slot);
        break;
    default:
        result = IFD_NOT_SUPPORTED;
    }
    *AtrLength = length;
    return result;
}

RESPONSECODE IFDHSetProtocolParameters(DWORD Lun, DWORD Protocol, UCHAR Flags, UCHAR PTS1, UCHAR PTS2, UCHAR PTS3)
{
    struct slot *slot = slot_find(Lun);
    (void)Flags, (void)PTS1, (void)PTS2, (void)PTS3; /* no line, no speed */
    if (slot == NULL)
        return IFD_NO_SUCH_DEVICE;
    if (Protocol != SCARD_PROTOCOL_T0 && Protocol != SCARD_PROTOCOL_T1)
        return IFD_PROTOCOL_NOT_SUPPORTED;
    return slot_protocol(slot, Protocol == SCARD_PROTOCOL_T1);
}

RESPONSECODE IFDHTransmitToICC(DWORD Lun, SCARD_IO_HEADER SendPci, PUCHAR TxBuffer, DWORD TxLength, PUCHAR RxBuffer, PDWORD RxLength,
                               PSCARD_IO_HEADER RecvPci)
{
    struct slot *slot = slot_find(Lun);
    if (RxLength == NULL)
        return IFD_COMMUNICATION_ERROR;
    size_t length = *RxLength;
    *RxLength = 0;
    if (slot == NULL)
        return IFD_NO_SUCH_DEVICE;
    if (TxBuffer == NULL || RxBuffer == NULL || TxLength == 0 || TxLength > LINK_MAX_PAYLOAD)
        return IFD_COMMUNICATION_ERROR;
    if (length < 2)
        return IFD_ERROR_INSUFFICIENT_BUFFER;
    const RESPONSECODE result = slot_transmit(slot, TxBuffer, TxLength, RxBuffer, &length);
    if (RecvPci != NULL)
        RecvPci->Protocol = SendPci.Protocol;
    *RxLength = length;
    return result;
}

/* ---- features ----------------------------------------------------------------------------------------------------------- */

/* Tag, length, control code (big-endian) of each feature (PC/SC part 10, 2.2). */
static RESPONSECODE give_features(PDWORD Length, PUCHAR Value)
{
    static const struct {
        uint8_t tag;
        uint32_t code;
    } features[] = {{FEATURE_IFD_PIN_PROPERTIES, CODE_FEATURE(FEATURE_IFD_PIN_PROPERTIES)},
                    {FEATURE_GET_TLV_PROPERTIES, CODE_FEATURE(FEATURE_GET_TLV_PROPERTIES)},
                    {FEATURE_CCID_ESC_COMMAND, CODE_ESCAPE}};
    uint8_t list[6 * sizeof features / sizeof features[0]];
    for (size_t i = 0; i < sizeof features / sizeof features[0]; i++) {
        const uint32_t code = features[i].code;
        const uint8_t entry[6] = {features[i].tag, 4, (uint8_t)(code >> 24), (uint8_t)(code >> 16), (uint8_t)(code >> 8), (uint8_t)code};
        memcpy(list + 6 * i, entry, sizeof entry);
    }
    return give(list, sizeof list, Length, Value);
}

/* No display, no pad: nothing can be asked at this reader (PC/SC part 10, 2.5.5). */
static RESPONSECODE give_pin_properties(PDWORD Length, PUCHAR Value)
{
    static const uint8_t none[4] = {0};
    return give(none, sizeof none, Length, Value);
}

/* Little-endian numbers (PC/SC part 10, 2.6.14); 0x10000 tells that extended length works. */
static RESPONSECODE give_tlv_properties(PDWORD Length, PUCHAR Value)
{
    static const uint8_t list[] = {PCSCv2_PART10_PROPERTY_dwMaxAPDUDataSize, 4, 0, 0, 1, 0,
                                   PCSCv2_PART10_PROPERTY_bPPDUSupport, 1, 0,
                                   PCSCv2_PART10_PROPERTY_wIdVendor, 2, 0, 0,
                                   PCSCv2_PART10_PROPERTY_wIdProduct, 2, 0, 0,
                                   PCSCv2_PART10_PROPERTY_sFirmwareID, sizeof FIRMWARE - 1};
    uint8_t all[sizeof list + sizeof FIRMWARE - 1];
    memcpy(all, list, sizeof list);
    memcpy(all + sizeof list, FIRMWARE, sizeof FIRMWARE - 1);
    return give(all, sizeof all, Length, Value);
}

RESPONSECODE IFDHControl(DWORD Lun, DWORD dwControlCode, PUCHAR TxBuffer, DWORD TxLength, PUCHAR RxBuffer, DWORD RxLength,
                         LPDWORD pdwBytesReturned)
{
    struct slot *slot = slot_find(Lun);
    DWORD room = RxLength;
    RESPONSECODE result;
    if (pdwBytesReturned == NULL)
        return IFD_COMMUNICATION_ERROR;
    *pdwBytesReturned = 0;
    if (slot == NULL)
        return IFD_NO_SUCH_DEVICE;
    if (RxBuffer == NULL || (TxBuffer == NULL && TxLength > 0) || TxLength > LINK_MAX_PAYLOAD)
        return IFD_COMMUNICATION_ERROR;
    switch (dwControlCode) {
    case CM_IOCTL_GET_FEATURE_REQUEST:
        result = give_features(&room, RxBuffer);
        break;
    case CODE_FEATURE(FEATURE_IFD_PIN_PROPERTIES):
        result = give_pin_properties(&room, RxBuffer);
        break;
    case CODE_FEATURE(FEATURE_GET_TLV_PROPERTIES):
        result = give_tlv_properties(&room, RxBuffer);
        break;
    case CODE_ESCAPE: {
        size_t length = room;
        if (length == 0)
            return IFD_ERROR_INSUFFICIENT_BUFFER;
        result = slot_escape(slot, TxBuffer, TxLength, RxBuffer, &length);
        room = length;
        break;
    }
    default:
        return IFD_ERROR_NOT_SUPPORTED;
    }
    *pdwBytesReturned = room;
    return result;
}
