//! Who holds the cluster's key, and how both sides of a connection prove it. No I/O.

use std::fmt;
use std::sync::Arc;

use hmac::{Hmac, KeyInit, Mac};
use protocol::NodeId;
use protocol::peer::SUBPROTOCOL;
use sha2::Sha256;

use crate::mux::Role;

/// More keys than the old, the present and the next are of no use in a change of keys.
pub const KEYS_MAX: usize = 3;

/// The keys of the cluster: the first is used, each is accepted. Without a key everybody is let in.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct ClusterKeys {
    keys: Vec<[u8; 32]>,
}

/// More keys than [`KEYS_MAX`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a cluster has {KEYS_MAX} keys at the most")]
pub struct TooManyKeys;

/// Gives the keys of the moment, so that they can be changed while links are open. Links that are open stay so.
pub type KeySource = Arc<dyn Fn() -> ClusterKeys + Send + Sync>;

impl ClusterKeys {
    /// Everybody is let in.
    pub fn none() -> Self {
        Self::default()
    }

    /// # Errors
    /// There are too many.
    pub fn new(keys: Vec<[u8; 32]>) -> Result<Self, TooManyKeys> {
        if keys.len() > KEYS_MAX { Err(TooManyKeys) } else { Ok(Self { keys }) }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }
}

/// Keys never reach a log.
impl fmt::Debug for ClusterKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ClusterKeys({})", self.keys.len())
    }
}

/// Thirty-two bytes in hexadecimal digits: a nonce or a proof.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Hex32(pub(crate) [u8; 32]);

impl Hex32 {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let digits = text.as_bytes();
        let mut bytes = [0; 32];
        if digits.len() != 2 * bytes.len() {
            return None;
        }
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            let digit = |index: usize| char::from(pair[index]).to_digit(16);
            *byte = u8::try_from(digit(0)? * 16 + digit(1)?).ok()?;
        }
        Some(Self(bytes))
    }
}

impl fmt::Display for Hex32 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// What a proof is about. Both nonces are in it, so that the proof of another connection is worth nothing;
/// and the side that proves, so that it cannot be sent back as one's own.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Statement {
    pub(crate) prover: Role,
    pub(crate) caller: NodeId,
    pub(crate) callee: NodeId,
    pub(crate) caller_nonce: Hex32,
    pub(crate) callee_nonce: Hex32,
}

impl Statement {
    /// The proof by the key in use; none where there is no key.
    pub(crate) fn prove(&self, keys: &ClusterKeys) -> Option<Hex32> {
        let mac = self.mac(keys.keys.first()?)?;
        Some(Hex32(mac.finalize().into_bytes().into()))
    }

    /// Whether one of the keys made this proof.
    pub(crate) fn is_proven(&self, keys: &ClusterKeys, proof: Hex32) -> bool {
        let by = |key| self.mac(key).is_some_and(|mac| mac.verify_slice(&proof.0).is_ok());
        keys.keys.iter().any(by)
    }

    fn mac(&self, key: &[u8; 32]) -> Option<Hmac<Sha256>> {
        let mut mac = Hmac::<Sha256>::new_from_slice(key).ok()?;
        mac.update(SUBPROTOCOL.as_bytes());
        mac.update(match self.prover {
            Role::Caller => b" caller ",
            Role::Callee => b" callee ",
        });
        mac.update(&self.caller.bits().to_be_bytes());
        mac.update(&self.callee.bits().to_be_bytes());
        mac.update(&self.caller_nonce.0);
        mac.update(&self.callee_nonce.0);
        Some(mac)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(bytes: &[u8]) -> ClusterKeys {
        ClusterKeys::new(bytes.iter().map(|&byte| [byte; 32]).collect()).unwrap()
    }

    fn statement(prover: Role) -> Statement {
        Statement {
            prover,
            caller: NodeId::new(1),
            callee: NodeId::new(2),
            caller_nonce: Hex32([3; 32]),
            callee_nonce: Hex32([4; 32]),
        }
    }

    #[test]
    fn each_key_is_accepted_and_the_first_is_used() {
        let proof = statement(Role::Caller).prove(&keys(&[7, 8])).unwrap();
        assert!(statement(Role::Caller).is_proven(&keys(&[9, 8, 7]), proof));
        assert!(!statement(Role::Caller).is_proven(&keys(&[9, 8]), proof));
        assert!(!statement(Role::Caller).is_proven(&ClusterKeys::none(), proof));
        assert_eq!(statement(Role::Caller).prove(&ClusterKeys::none()), None);
    }

    #[test]
    fn a_proof_is_worth_nothing_for_anything_else() {
        let own = statement(Role::Caller);
        let proof = own.prove(&keys(&[7])).unwrap();
        let others = [
            Statement { prover: Role::Callee, ..own },
            Statement { caller: NodeId::new(9), ..own },
            Statement { callee: NodeId::new(9), ..own },
            Statement { caller_nonce: Hex32([9; 32]), ..own },
            Statement { callee_nonce: Hex32([9; 32]), ..own },
        ];
        for other in others {
            assert!(!other.is_proven(&keys(&[7]), proof), "{other:?}");
        }
    }

    #[test]
    fn digits_and_back() {
        let nonce = Hex32(std::array::from_fn(|index| u8::try_from(index * 8).unwrap()));
        assert_eq!(Hex32::parse(&nonce.to_string()), Some(nonce));
        for wrong in ["", "00", &"g".repeat(64), &"é".repeat(32), &"0".repeat(65)] {
            assert_eq!(Hex32::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_fourth_key_is_refused_and_no_key_is_printed() {
        assert_eq!(ClusterKeys::new(vec![[0; 32]; 4]), Err(TooManyKeys));
        assert_eq!(format!("{:?}", keys(&[7])), "ClusterKeys(1)");
    }
}
