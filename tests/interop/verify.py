"""Verifies a COSE_Sign1 document (RFC 9052) with libraries that know nothing of Zeni.

usage: verify.py DOCUMENT KEY_HEX DOMAIN VERSION NETWORK_HEX
Prints the payload's length and exits 0 when the signature verifies, 1 when it does not.
"""

import sys

import cbor2
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

path, key, domain, version, network = sys.argv[1:]
with open(path, "rb") as file:
    document = cbor2.load(file)
assert document.tag == 18, "a COSE_Sign1 has tag 18"
protected, unprotected, payload, signature = document.value
header = cbor2.loads(protected)
assert header == {1: -8, 3: domain}, f"EdDSA and the content type stand in the protected header, found {header}"
assert unprotected == {}, "nothing stands outside the signature"
external_aad = cbor2.dumps([domain, int(version), bytes.fromhex(network)], canonical=True)
signed = cbor2.dumps(["Signature1", protected, external_aad, payload], canonical=True)
try:
    Ed25519PublicKey.from_public_bytes(bytes.fromhex(key)).verify(signature, signed)
except InvalidSignature:
    print("signature false")
    sys.exit(1)
print(len(payload))
