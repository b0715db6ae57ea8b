# SPDX-License-Identifier: Apache-2.0
"""One method for each task that a gateway gives its security module."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Self

from secmod.apdu import SW, CommandApdu
from secmod.crypto import Vault, by_name
from secmod.errors import CryptoError, TransportError, UnknownNameError
from secmod.host import answers, requests
from secmod.host.answers import KeyEntry, PublicKey
from secmod.host.channel import Channel
from secmod.host.ephemeral import EphemeralKey, EphemeralPlaces
from secmod.host.handshake import run_pace
from secmod.host.names import Names
from secmod.pace import Suite
from secmod.profile import Profile, load_profile
from secmod.transport import open_transport

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from types import TracebackType

    from secmod.transport.base import Transport

SESSION_AGE: Final = 48 * 3600.0
"""Seconds after which a gateway agrees new session keys with its module at the latest (TR-03116-3 clause 10)."""

_RANDOM_AT_ONCE = 1024
_CARD_ACCESS = "EF.CardAccess"  # as TR-03110 calls it
_TRIES_LEFT = tuple(SW.retries_left(tries) for tries in range(16))


class SecurityModule:
    """A security module behind a transport: the emulator or a chip.

    Keys, files and passwords are named as in the card profile ("PrK.WAN.SIG.A", "EF.GW.ID", "PIN.GW") or by number.  While a
    session is open every command is protected.  Any thread may use the module; a task of several commands is not interrupted by
    another.

    Methods raise the children of StatusError for what the module refuses, TransportError for what does not reach it, and
    SecureMessagingError if the session has ended.  Nothing is tried a second time.
    """

    def __init__(self, transport: Transport, profile: Profile) -> None:
        self._transport = transport
        self._channel = Channel(transport, profile.transport)
        self._names = Names(profile)
        self._profile = profile
        self._vault = Vault()
        self._ephemeral = EphemeralPlaces(entry.name for entry in self._names.ephemeral_keys())

    @classmethod
    def open(cls, address: str, profile: str | Path = "tr03109_2") -> Self:
        """The module at an address: "local:PROFILE" for a card in this process, "pcsc:READER NAME" for one in a reader.

        `profile` says by which names and numbers the host knows keys and files.  Raises NoReaderError, NoCardError, ProfileError.
        """
        names = load_profile(profile)
        return cls(open_transport(address), names)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    # ---- the link ----------------------------------------------------------------------------------------------------------

    def close(self) -> None:
        """The session is over, its keys are wiped, and the link is closed."""
        with self._channel.lock:
            if self._channel.protected:
                self._channel.end()
            self._channel.forget()
            self._transport.close()
            self._vault.close()

    @property
    def atr(self) -> bytes:
        """The answer to reset, 2 to 33 bytes."""
        return self._transport.atr

    @property
    def name(self) -> str:
        """What the other end is called: the reader's name, or local:PROFILE."""
        return self._transport.name

    def reset(self) -> None:
        """The module is as after power-on: nothing selected, nothing proven, no session."""
        with self._channel.lock:
            self._channel.forget()
            self._transport.reset()

    def transmit(self, command: bytes) -> bytes:
        """The raw response to raw bytes; in a session both travel protected, and the bytes must be a command."""
        with self._channel.lock:
            if self._channel.protected:
                return self._channel.exchange(CommandApdu.parse(command)).encode()
            self._channel.check()
            return self._transport.transmit(command)

    # ---- session and passwords ---------------------------------------------------------------------------------------------

    def open_session(
        self, password: str | bytes, reference: str | int | None = None, suite: str | None = None, max_age: float = SESSION_AGE
    ) -> None:
        """A secure messaging session is open, by PACE with a password; the application is selected.

        `reference` names the password; None is the profile's first, the gateway's PIN.  `suite` is the PACE protocol by name;
        None is the first of the profile's that the module offers in EF.CardAccess.  After `max_age` seconds the session ends by
        itself, and the next task raises SessionOverError: only who knows the password can open another one.

        A session that was open ends first.  The password is tried once: RetriesLeftError if it is wrong, BlockedError,
        ReferenceUnusableError if it was never set; PaceError if the module has not shown that it knows it.
        """
        names, channel = self._names, self._channel
        number = names.password(reference)
        value = _octets(password)
        with channel.lock:
            lost = "a new one could not be opened" if channel.used else None
            channel.forget()
            try:
                chosen = self._suite(suite)
                secret = self._vault.password(value)
                try:
                    session = run_pace(channel, self._vault, chosen, number, secret)
                finally:
                    secret.release()
            except BaseException:
                channel.forget(lost)
                raise
            channel.protect(session, max_age)
            self._ephemeral.clear()  # as the module has done with the old session's
            if names.application() is not None:
                self.select()

    def close_session(self) -> None:
        """No session is open, its keys are wiped, and commands go in plain; nothing happens without one."""
        with self._channel.lock:
            if self._channel.protected:
                self._channel.end()
            self._channel.forget()

    @property
    def in_session(self) -> bool:
        """A session is open and not too old."""
        return self._channel.protected

    @property
    def session_age(self) -> float | None:
        """Seconds since the session was opened; None without one."""
        return self._channel.age

    def tries_left(self, password: str | int | None = None) -> int | None:
        """How many wrong tries a password (None: the gateway's PIN) has left, 0 if it is blocked; None if they are not limited.

        The module shows 15 for any greater number.  ReferenceUnusableError if the password was never set.
        """
        number = self._names.password(password)
        accepted = (*_TRIES_LEFT, SW.AUTHENTICATION_FAILED, SW.BLOCKED)
        sw = self._channel.ask(requests.verify(number), f"VERIFY password {number:02X}", *accepted).sw
        if sw == SW.OK:  # it opened this session, so no try was wrong since
            return self._names.tries(number)
        if sw == SW.BLOCKED:
            return 0
        return None if sw == SW.AUTHENTICATION_FAILED else sw & 0x0F

    def change_password(self, new: str | bytes, password: str | int | None = None, old: str | bytes | None = None) -> None:
        """A password (None: the gateway's PIN) has a new value and all its tries; only in a session.

        With `old` the module compares that first, and counts a wrong one as a try (RetriesLeftError).  The first change of a
        password that still has its transport value ends the session: open another one with the new value.
        """
        number = self._names.password(password)
        doing = f"CHANGE REFERENCE DATA {number:02X}"
        values = _octets(new), None if old is None else _octets(old)
        with self._channel.lock:
            self._channel.require_session(doing)
            last = self._names.has_transport_value(number) and self._names.first_change_moves(self.phase())
            self._channel.send(requests.change_reference_data(number, *values), doing)
            if last:
                self._channel.forget(f"the first change of password {number:02X} has ended it")

    def reset_retry_counter(self, password: str | int | None = None, new: str | bytes | None = None) -> None:
        """A password (None: the gateway's PIN) has all its tries again, and a new value if one is given; in a session by PUK."""
        number = self._names.password(password)
        doing = f"RESET RETRY COUNTER {number:02X}"
        value = None if new is None else _octets(new)
        with self._channel.lock:
            self._channel.require_session(doing)
            self._channel.send(requests.reset_retry_counter(number, value), doing)

    def external_authenticate(self, sign: Callable[[bytes], bytes], key: str | int | None = None) -> None:
        """The gateway's administrator has authenticated, for the rest of the session.

        `sign` gets the message and returns the signature r || s over its hash, of the size of the administrator's curve; other
        tasks go on meanwhile.  `key` is the place of the public key that verifies it, None the profile's only one.  StatusError
        6300 if the signature is wrong, BlockedError if the certificate is not valid now, or for the one wrong try too many.
        """
        names, channel = self._names, self._channel
        number = names.public_key(key if key is not None else names.authenticating_key())
        table = names.command("external_authenticate")
        file, serial, length = table.text("serial_file"), table.integer("serial", 0, 256), table.integer("challenge", 1, 256)
        with channel.lock:
            message = self.read_file(file)[-serial:]
            channel.send(requests.select_authentication(number, names.algorithm("sign")), f"select key {number:02X}")
            message += self.challenge(length)
        signature = sign(message)
        channel.send(requests.external_authenticate(signature), "EXTERNAL AUTHENTICATE")

    # ---- files and data ----------------------------------------------------------------------------------------------------

    def select(self) -> None:
        """The module's application is selected (SELECT by DF name)."""
        aid = self._names.application()
        if aid is None:
            raise TransportError(f"profile {self._profile.name} names no application to select")
        self._channel.send(requests.select_application(aid), "SELECT the application")

    def read_file(self, file: str | int) -> bytes:
        """The content of an elementary file, by its name in the profile or its identifier in the current DF; b"" if it is empty.

        A name selects the file by its path.  FileNotFoundOnCardError if the module has no such file.
        """
        channel = self._channel
        with channel.lock:
            self._select_file(file)
            content = b""
            while True:
                most = channel.most_data
                part = channel.send(requests.read_binary(len(content), most), "READ BINARY", SW.WRONG_OFFSET, SW.END_OF_FILE)
                content += part
                if len(part) < most:
                    return content

    def update_file(self, file: str | int, content: bytes, offset: int = 0) -> None:
        """The bytes stand in an elementary file from the offset on; what stood behind them remains."""
        with self._channel.lock:
            self._select_file(file)
            self._channel.send(requests.update_binary(offset, content), "UPDATE BINARY")

    def random(self, length: int) -> bytes:
        """Random bytes from the module's generator, any number of them."""
        with self._channel.lock:
            most = min(_RANDOM_AT_ONCE, self._channel.most_data)
            sizes = [min(most, length - start) for start in range(0, length, most)]
            return b"".join(self._channel.send(requests.get_random(size), "GET RANDOM") for size in sizes)

    def challenge(self, length: int = 16) -> bytes:
        """A challenge; one of 16 bytes is remembered by the module for EXTERNAL AUTHENTICATE."""
        return self._channel.send(requests.get_challenge(length), "GET CHALLENGE")

    # ---- private keys ------------------------------------------------------------------------------------------------------

    def generate_key(self, key: str | int, curve: str | None = None, *, overwrite: bool = False) -> PublicKey:
        """A fresh key pair is in the key's place; returns the public key.

        `curve` for places that leave it open.  ConditionsError if a pair is there and `overwrite` is not set, or it is active.
        """
        reference, default = self._names.private_key(key)
        apdu = requests.generate_key(reference, None if curve is None else self._names.curve(curve), overwrite=overwrite)
        return answers.public_key(self._channel.send(apdu, f"GENERATE ASYMMETRIC KEY PAIR {reference:02X}"), curve or default)

    def generate_ephemeral(self, curve: str | None = None) -> EphemeralKey:
        """A fresh key pair for one key agreement, in a free place.

        If this module has given out all of them, the key that has waited for longest is gone.
        """
        with self._channel.lock:
            name = self._ephemeral.take()
            if name is None:
                raise UnknownNameError(f"profile {self._profile.name} has no ephemeral key")
            return EphemeralKey(name, self.generate_key(name, curve, overwrite=True))

    def public_key(self, key: str | int) -> PublicKey:
        """The public key of the pair in the key's place; CardFaultError (6400) if it is empty."""
        reference, default = self._names.private_key(key)
        answer = self._channel.send(requests.read_public_key(reference), f"read the public key of {reference:02X}")
        return answers.public_key(answer, default)

    def activate_key(self, key: str | int) -> None:
        """The private key can be used."""
        self._change_life("activate", key)

    def deactivate_key(self, key: str | int) -> None:
        """The private key can not be used until it is activated again."""
        self._change_life("deactivate", key)

    def terminate_key(self, key: str | int) -> None:
        """The private key can never be used again, only deleted or replaced."""
        self._change_life("terminate", key)

    def delete_key(self, key: str | int) -> None:
        """The place of a key, private or public, is empty; so it may have been before."""
        if self._names.is_public_key(key):
            number = self._names.public_key(key)
            self._channel.send(requests.delete_public_key(number), f"DELETE public key {number:02X}")
        else:
            self._change_life("delete", key)
            self._ephemeral.free(key)

    def sign(self, key: str | int, digest: bytes) -> bytes:
        """ECDSA signature over a hash of 32, 48 or 64 bytes: r || s, 2L bytes (TR-03111 clause 5.2.1)."""
        reference, _ = self._names.private_key(key)
        select = requests.select_signing(reference, self._names.algorithm("sign", key))
        with self._channel.lock:
            self._channel.send(select, f"select key {reference:02X} for signing")
            return self._channel.send(requests.compute_signature(digest), "COMPUTE DIGITAL SIGNATURE")

    def agree(self, key: str | int, other: PublicKey | bytes, algorithm: str | None = None) -> bytes:
        """The shared value Z of a private key and another party's public key (ECKA, TR-03111 clause 4.3.1): L bytes.

        An ephemeral key is gone afterwards.  `algorithm` is one of the profile's, None the key's first that agrees values.
        WrongDataError for a point that is not on the key's curve.

        Z is a secret, and Python can not erase `bytes`: derive what you need at once and keep no reference to it.
        """
        reference, _ = self._names.private_key(key)
        select = requests.select_agreement(reference, self._names.algorithm("agree", key, algorithm))
        point = other.point if isinstance(other, PublicKey) else other
        with self._channel.lock:
            self._ephemeral.free(key)
            self._channel.send(select, f"select key {reference:02X} for key agreement")
            return answers.shared_value(self._channel.send(requests.agree(point), "key agreement"))

    # ---- public keys -------------------------------------------------------------------------------------------------------

    def verify(self, key: PublicKey | str | int, digest: bytes, signature: bytes) -> None:
        """Returns if the module finds the signature (r || s) good; raises WrongDataError for a bad signature or key.

        The key is sent along, or is one that the module has imported.
        """
        with self._channel.lock:
            if isinstance(key, PublicKey):
                sent = key.curve, key.point
            else:
                sent = None
                self._select_verification(key)
            self._channel.send(requests.verify_signature(digest, signature, sent), "VERIFY DIGITAL SIGNATURE")

    def import_certificate(self, destination: str | int, certificate: bytes, verifier: str | int | None = None) -> None:
        """The module has verified an X.509 certificate (DER), and holds its key in a public key's place.

        `verifier` is the place of the key that has signed it; None for a root that signs itself, where the module takes one.
        WrongDataError if any check fails, BlockedError if it is not valid now, ReferenceNotFoundError if the verifier's place is
        empty.
        """
        number = self._names.public_key(destination)
        with self._channel.lock:
            if verifier is not None:
                self._select_verification(verifier)
            self._channel.send(requests.verify_certificate(number, certificate), f"VERIFY CERTIFICATE for {number:02X}")

    # ---- the module as a whole ---------------------------------------------------------------------------------------------

    def phase(self) -> str:
        """The letter of the phase that the module is in."""
        value = self._channel.send(requests.get_data(self._names.data_object("phase")), "GET DATA, phase")
        return self._names.phase_letter(int.from_bytes(value))

    def set_phase(self, letter: str) -> None:
        """The module is in the phase of this letter; ConditionsError if no step leads there now, or what it needs is missing."""
        tag, code = self._names.data_object("phase"), self._names.phase_code(letter)
        self._channel.send(requests.put_data(tag, code), f"PUT DATA, phase {letter}")

    def inventory(self) -> tuple[KeyEntry, ...]:
        """All places for keys, and what is in them."""
        apdu = requests.get_data(self._names.data_object("key_inventory"), requests.ALL)
        return answers.inventory(self._channel.send(apdu, "GET DATA, key inventory"), self._names.key_name)

    def self_test(self) -> None:
        """Returns if the module finds itself well; raises CardFaultError (6F00) if not."""
        instruction = self._names.command("self_test").integer("instruction", 0x02, 0xFE)
        self._channel.send(requests.self_test(instruction), "self-test")

    def terminate(self) -> None:
        """The module's life is over for good: its keys and passwords are gone, and so is the session."""
        with self._channel.lock:
            self._channel.send(requests.terminate_card_usage(), "TERMINATE CARD USAGE")
            self._channel.forget()

    # ---- parts of tasks ----------------------------------------------------------------------------------------------------

    def _suite(self, name: str | None) -> Suite:
        """The PACE protocol of this name, or the first of the profile's that the module offers."""
        entries = self._profile.pace
        if name is not None:
            entries = tuple(entry for entry in entries if entry.name == name)
        elif self._names.has_file(_CARD_ACCESS):
            offered = answers.pace_protocols(self.read_file(_CARD_ACCESS))
            entries = tuple(entry for entry in entries if entry.oid in offered)
        if not entries:
            raise UnknownNameError(f"profile {self._profile.name} has no PACE protocol {name or 'that the module offers'}")
        first = entries[0]
        return Suite(first.oid, first.name, by_name(first.curve), first.domain, first.key_bytes)

    def _select_file(self, file: str | int) -> None:
        if isinstance(file, str):
            self._channel.send(requests.select_path(self._names.path(file)), f"SELECT {file}")
        else:
            self._channel.send(requests.select_file(file), f"SELECT {file:04X}")

    def _select_verification(self, key: str | int) -> None:
        number = self._names.public_key(key)
        self._channel.send(requests.select_verification(number), f"select key {number:02X} for verification")

    def _change_life(self, step: str, key: str | int) -> None:
        reference, _ = self._names.private_key(key)
        self._channel.send(requests.change_life(step, reference), f"{step.upper()} private key {reference:02X}")


def _octets(password: str | bytes) -> bytes:
    """A password as the key derivation takes it (TR-03110-3: ISO 8859-1)."""
    try:
        return password.encode("iso-8859-1") if isinstance(password, str) else password
    except UnicodeEncodeError:
        raise CryptoError("a password is made of characters of ISO 8859-1") from None


__all__ = ["SESSION_AGE", "SecurityModule"]
