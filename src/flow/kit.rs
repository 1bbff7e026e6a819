//! The part of the integration tests' kit that makes packets of text.
#![allow(dead_code, reason = "unit tests need a part of it")]

#[path = "../../tests/kit/connection.rs"]
mod connection;
#[path = "../../tests/kit/container.rs"]
mod container;
#[path = "../../tests/kit/packet.rs"]
pub mod packet;
#[path = "../../tests/kit/script.rs"]
pub mod script;
#[path = "../../tests/kit/spoken.rs"]
mod spoken;
#[path = "../../tests/kit/transform.rs"]
mod transform;
