//! Stands in where the program was built without `tls`: nothing is opened.

pub(super) mod cipher {
    use zeroize::Zeroizing;

    use super::super::TlsVersion;
    use super::super::suite::Suite;
    use super::schedule::Material;

    pub struct Cipher;

    impl Cipher {
        pub fn new(_: TlsVersion, _: Suite, _: bool, _: Material) -> Self {
            Self
        }

        #[expect(clippy::unused_self, reason = "likewise")]
        pub fn open(&self, _: u64, _: [u8; 5], _: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
            None
        }
    }
}

pub(super) mod schedule {
    use super::super::keys::Secret;
    use super::super::suite::Suite;

    #[derive(Clone)]
    pub struct Material;

    pub fn of_master(_: Suite, _: &[u8], _: [&[u8; 32]; 2]) -> [Material; 2] {
        [Material, Material]
    }

    pub fn of_traffic_secret(_: Suite, _: &Secret) -> Material {
        Material
    }

    pub fn updated(_: Suite, secret: &Secret) -> Secret {
        secret.clone()
    }
}
