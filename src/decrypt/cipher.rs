//! Opens single records.

use aes::{Aes128, Aes256};
use aes_gcm::aead::consts::{U8, U12, U16};
use aes_gcm::aead::{Aead, KeyInit, Payload};
use aes_gcm::{Aes128Gcm, Aes256Gcm};
use cbc::Decryptor;
use cbc::cipher::block_padding::NoPadding;
use cbc::cipher::{BlockModeDecrypt, KeyIvInit};
use ccm::Ccm;
use chacha20poly1305::ChaCha20Poly1305;
use hmac::Hmac;
use sha1::Sha1;
use sha2::{Sha256, Sha384};
use zeroize::Zeroizing;

use super::TlsVersion;
use super::schedule::Material;
use super::suite::{Mac, Protection, Suite};

/// Bytes of AES-CBC's blocks and IV.
const BLOCK: usize = 16;
/// Bytes of the nonce that a record of TLS 1.2 with GCM or CCM carries.
const EXPLICIT: usize = 8;

/// What opens the records of one direction.
pub(super) struct Cipher {
    version: TlsVersion,
    suite: Suite,
    encrypt_then_mac: bool,
    material: Material,
}

impl Cipher {
    pub fn new(version: TlsVersion, suite: Suite, encrypt_then_mac: bool, material: Material) -> Self {
        Self { version, suite, encrypt_then_mac, material }
    }

    /// The contents of the record with this header and number, if its tag is right.
    pub fn open(&self, number: u64, header: [u8; 5], body: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let iv = self.material.iv.bytes();
        let counted = || xored(iv, number);
        match (self.version, self.suite.protection) {
            (TlsVersion::Tls13, protection) => self.aead(protection, &counted()?, body, &header),
            (TlsVersion::Tls12, Protection::ChaCha20Poly1305) => {
                let aad = aad(number, header, body.len().checked_sub(16)?);
                self.aead(Protection::ChaCha20Poly1305, &counted()?, body, &aad)
            }
            (TlsVersion::Tls12, Protection::Cbc(mac)) => self.cbc(mac, number, header, body),
            (TlsVersion::Tls12, protection) => {
                let (explicit, sealed) = body.split_at_checked(EXPLICIT)?;
                let tag = if let Protection::Ccm(tag) = protection { tag } else { 16 };
                let nonce: [u8; 12] = [iv, explicit].concat().try_into().ok()?;
                self.aead(protection, &nonce, sealed, &aad(number, header, sealed.len().checked_sub(tag)?))
            }
        }
    }

    fn aead(&self, protection: Protection, nonce: &[u8; 12], msg: &[u8], aad: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        fn open<C: Aead + KeyInit>(key: &[u8], nonce: &[u8; 12], msg: &[u8], aad: &[u8]) -> Option<Vec<u8>> {
            let cipher = C::new_from_slice(key).ok()?;
            cipher.decrypt(nonce.as_slice().try_into().ok()?, Payload { msg, aad }).ok()
        }
        let key = self.material.key.bytes();
        let long = self.suite.key == 32;
        let plain = match (protection, long) {
            (Protection::Gcm, false) => open::<Aes128Gcm>(key, nonce, msg, aad),
            (Protection::Gcm, true) => open::<Aes256Gcm>(key, nonce, msg, aad),
            (Protection::ChaCha20Poly1305, _) => open::<ChaCha20Poly1305>(key, nonce, msg, aad),
            (Protection::Ccm(8), false) => open::<Ccm<Aes128, U8, U12>>(key, nonce, msg, aad),
            (Protection::Ccm(8), true) => open::<Ccm<Aes256, U8, U12>>(key, nonce, msg, aad),
            (Protection::Ccm(_), false) => open::<Ccm<Aes128, U16, U12>>(key, nonce, msg, aad),
            (Protection::Ccm(_), true) => open::<Ccm<Aes256, U16, U12>>(key, nonce, msg, aad),
            (Protection::Cbc(_), _) => None,
        };
        plain.map(Zeroizing::new)
    }

    fn cbc(&self, mac: Mac, number: u64, header: [u8; 5], body: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let code = |parts: &[&[u8]]| code(mac, self.material.mac.bytes(), parts);
        if self.encrypt_then_mac {
            let (sealed, told) = body.split_at_checked(body.len().checked_sub(mac.len())?)?;
            let aad = aad(number, header, sealed.len());
            return (code(&[&aad, sealed])? == told).then(|| self.unpadded(sealed)).flatten();
        }
        let mut plain = self.unpadded(body)?;
        let len = plain.len().checked_sub(mac.len())?;
        let told = plain.split_off(len);
        let aad = aad(number, header, plain.len());
        (code(&[&aad, plain.as_slice()])? == told).then_some(plain)
    }

    /// Decrypts what begins with its IV, and takes the padding off.
    fn unpadded(&self, sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        fn decrypt<C: KeyIvInit + BlockModeDecrypt>(key: &[u8], iv: &[u8], bytes: &mut [u8]) -> Option<()> {
            C::new_from_slices(key, iv).ok()?.decrypt_padded::<NoPadding>(bytes).ok().map(|_| ())
        }
        let (iv, sealed) = sealed.split_at_checked(BLOCK)?;
        let mut plain = Zeroizing::new(sealed.to_vec());
        let key = self.material.key.bytes();
        match self.suite.key {
            16 => decrypt::<Decryptor<Aes128>>(key, iv, &mut plain)?,
            _ => decrypt::<Decryptor<Aes256>>(key, iv, &mut plain)?,
        }
        let padding = usize::from(*plain.last()?) + 1;
        let len = plain.len().checked_sub(padding)?;
        plain.truncate(len);
        Some(plain)
    }
}

/// The IV with the record's number over its end.
fn xored(iv: &[u8], number: u64) -> Option<[u8; 12]> {
    let mut nonce: [u8; 12] = iv.try_into().ok()?;
    nonce.iter_mut().skip(4).zip(number.to_be_bytes()).for_each(|(byte, other)| *byte ^= other);
    Some(nonce)
}

/// Number, type, version and length (RFC 5246 6.2.3).
fn aad(number: u64, [kind, major, minor, ..]: [u8; 5], len: usize) -> [u8; 13] {
    let mut aad = [0; 13];
    let [high, low] = u16::try_from(len).unwrap_or(u16::MAX).to_be_bytes();
    aad[..8].copy_from_slice(&number.to_be_bytes());
    aad[8..].copy_from_slice(&[kind, major, minor, high, low]);
    aad
}

fn code(mac: Mac, key: &[u8], parts: &[&[u8]]) -> Option<Vec<u8>> {
    fn of<M: hmac::Mac + hmac::KeyInit>(key: &[u8], parts: &[&[u8]]) -> Option<Vec<u8>> {
        let mut code = <M as hmac::KeyInit>::new_from_slice(key).ok()?;
        for part in parts {
            hmac::Mac::update(&mut code, part);
        }
        Some(code.finalize().into_bytes().to_vec())
    }
    match mac {
        Mac::Sha1 => of::<Hmac<Sha1>>(key, parts),
        Mac::Sha256 => of::<Hmac<Sha256>>(key, parts),
        Mac::Sha384 => of::<Hmac<Sha384>>(key, parts),
    }
}
