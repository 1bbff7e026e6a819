//! Keys from secrets: the pseudorandom function of TLS 1.2 (RFC 5246 5, 6.3) and the key schedule of 1.3 (RFC 8446 7).

use hkdf::Hkdf;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Sha256, Sha384};
use zeroize::Zeroizing;

use super::keys::Secret;
use super::suite::{Hash, Protection, Suite};

/// What protects one direction.
#[derive(Clone)]
pub(super) struct Material {
    pub mac: Secret,
    pub key: Secret,
    pub iv: Secret,
}

/// The keys of client and server in TLS 1.2.
pub(super) fn of_master(suite: Suite, master: &[u8], [client, server]: [&[u8; 32]; 2]) -> [Material; 2] {
    let mac = match suite.protection {
        Protection::Cbc(mac) => mac.len(),
        _ => 0,
    };
    let iv = match suite.protection {
        Protection::Gcm | Protection::Ccm(_) => 4,
        Protection::ChaCha20Poly1305 => 12,
        // Each record brings its own.
        Protection::Cbc(_) => 0,
    };
    let seed = [b"key expansion".as_slice(), server, client].concat();
    let block = prf(suite.hash, master, &seed, 2 * (mac + suite.key + iv));
    let mut rest = block.as_slice();
    let mut take = |len: usize| {
        let (part, behind) = rest.split_at_checked(len).unwrap_or((rest, &[]));
        rest = behind;
        Secret::new(part.to_vec())
    };
    let [client_mac, server_mac] = [take(mac), take(mac)];
    let [client_key, server_key] = [take(suite.key), take(suite.key)];
    let [client_iv, server_iv] = [take(iv), take(iv)];
    [
        Material { mac: client_mac, key: client_key, iv: client_iv },
        Material { mac: server_mac, key: server_key, iv: server_iv },
    ]
}

/// The keys of one direction in TLS 1.3.
pub(super) fn of_traffic_secret(suite: Suite, secret: &Secret) -> Material {
    Material {
        mac: Secret::new(Vec::new()),
        key: expand_label(suite.hash, secret, b"key", suite.key),
        iv: expand_label(suite.hash, secret, b"iv", 12),
    }
}

/// The traffic secret behind a KeyUpdate.
pub(super) fn updated(suite: Suite, secret: &Secret) -> Secret {
    let len = match suite.hash {
        Hash::Sha256 => 32,
        Hash::Sha384 => 48,
    };
    expand_label(suite.hash, secret, b"traffic upd", len)
}

/// HKDF-Expand-Label without context.
fn expand_label(hash: Hash, secret: &Secret, label: &[u8], len: usize) -> Secret {
    let bytes = |len: usize| u8::try_from(len).unwrap_or(u8::MAX);
    let name = [b"tls13 ", label].concat();
    let info = [&[0, bytes(len), bytes(name.len())], name.as_slice(), &[0]].concat();
    let mut out = vec![0; len];
    // A secret that is too short for its suite gives keys that open nothing.
    let _ = match hash {
        Hash::Sha256 => Hkdf::<Sha256>::from_prk(secret.bytes()).map(|prk| prk.expand(&info, &mut out)).is_ok(),
        Hash::Sha384 => Hkdf::<Sha384>::from_prk(secret.bytes()).map(|prk| prk.expand(&info, &mut out)).is_ok(),
    };
    Secret::new(out)
}

/// P_hash (RFC 5246 5).
fn prf(hash: Hash, secret: &[u8], seed: &[u8], len: usize) -> Zeroizing<Vec<u8>> {
    let mut out = Zeroizing::new(Vec::with_capacity(len + 48));
    let mut a = Zeroizing::new(seed.to_vec());
    while out.len() < len {
        a = hmac(hash, secret, &[&a]);
        out.extend_from_slice(&hmac(hash, secret, &[&a, seed]));
    }
    out.truncate(len);
    out
}

fn hmac(hash: Hash, key: &[u8], parts: &[&[u8]]) -> Zeroizing<Vec<u8>> {
    fn code<M: Mac + KeyInit>(key: &[u8], parts: &[&[u8]]) -> Vec<u8> {
        // HMAC takes keys of any length.
        let Ok(mut code) = <M as KeyInit>::new_from_slice(key) else { return vec![0; 32] };
        for part in parts {
            Mac::update(&mut code, part);
        }
        code.finalize().into_bytes().to_vec()
    }
    Zeroizing::new(match hash {
        Hash::Sha256 => code::<Hmac<Sha256>>(key, parts),
        Hash::Sha384 => code::<Hmac<Sha384>>(key, parts),
    })
}

#[cfg(test)]
mod tests {
    use data_encoding::HEXLOWER;

    use super::*;

    #[test]
    fn keys_of_the_example_handshake() {
        // RFC 8448 3: the server's handshake traffic secret, and the key and IV of it.
        let secret = "b67b7d690cc16c4e75e54213cb2d37b4e9c912bcded9105d42befd59d391ad38";
        let secret = Secret::new(HEXLOWER.decode(secret.as_bytes()).unwrap());
        let material = of_traffic_secret(Suite::of(0x1301).unwrap(), &secret);
        assert_eq!(HEXLOWER.encode(material.key.bytes()), "3fce516009c21727d0f2e4e86ee403bc");
        assert_eq!(HEXLOWER.encode(material.iv.bytes()), "5d313eb2671276ee13000b30");
    }
}
