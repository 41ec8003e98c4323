//! The edge to the network: everything that leaves is wrapped here, everything that comes in is opened here.
//!
//! With a key ring, XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha-03) seals each message under a nonce of 24
//! random bytes. The cluster's name, the kind of the message, and the node it is for are authenticated with
//! it, so a message of another cluster, for another node or of another kind does not open.
//!
//! ```text
//! sealed  version u8 | kind u8 | key id u8 (not 0) | nonce 24 | ciphertext | tag 16
//! plain   version u8 | kind u8 | 0                 | nonce 4  | content
//! ```
//!
//! # Replay
//! The seal keeps no counters, so a recorded datagram opens again. What that can do is bounded by what is
//! inside. A node drops a nonce that it saw lately (`recent.rs`). A member's state is
//! ordered by (generation, incarnation): an old suspicion or death is about a life that the member has left
//! behind, and an old sign of life loses against any later state. A record is ordered by (generation,
//! version). The destination inside a membership message is a whole identity, so `TurnUndead` works once. A
//! probe or greeting that is sent again draws one answer of about its size. An answer on a stream is bound
//! to its request's nonce. What remains: a node that everybody has forgotten, 24 h after its death, can be
//! made to look alive until a probe fails, seconds later.

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use protocol::NodeId;
use rand::RngExt;
use rand::rngs::StdRng;

use crate::settings::ClusterName;

/// The format of the envelope; another one is refused.
const VERSION: u8 = 1;
/// Key id of a message that is not sealed.
const PLAIN: u8 = 0;
const HEAD_BYTES: usize = 3;
const NONCE_BYTES: usize = 24;
const PLAIN_NONCE_BYTES: usize = 4;
/// The one that seals, the one before it and the one after it: enough to roll a key through a cluster.
const KEYS_MAX: usize = 3;

/// What an envelope adds to its content at most.
pub(crate) const SEAL_BYTES: usize = HEAD_BYTES + NONCE_BYTES + 16;

/// A key of the cluster: 32 bytes of entropy, not a pass phrase.
#[derive(Clone, PartialEq, Eq)]
pub struct ClusterKey([u8; 32]);

impl ClusterKey {
    /// The key of these bytes.
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

impl std::fmt::Debug for ClusterKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ClusterKey(..)")
    }
}

/// One to three keys. The first seals; all open. A key is rolled in three steps, each on every node before
/// the next: add the new key last, put it first, remove the old one.
#[derive(Clone)]
pub struct KeyRing(Vec<RingKey>);

#[derive(Clone)]
struct RingKey {
    id: u8,
    cipher: XChaCha20Poly1305,
}

/// Why keys make no [`KeyRing`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidKeyRing {
    /// None, or more than three.
    #[error("a key ring holds 1 to {KEYS_MAX} keys, not {0}")]
    Count(usize),
    /// The same key twice.
    #[error("a key is in the ring twice")]
    Repeated,
}

impl KeyRing {
    /// The ring of these keys, the sealing one first.
    ///
    /// # Errors
    /// [`InvalidKeyRing`] for none, more than three, or one twice.
    pub fn new(keys: &[ClusterKey]) -> Result<Self, InvalidKeyRing> {
        if keys.is_empty() || keys.len() > KEYS_MAX {
            return Err(InvalidKeyRing::Count(keys.len()));
        }
        if keys.iter().enumerate().any(|(i, key)| keys[..i].contains(key)) {
            return Err(InvalidKeyRing::Repeated);
        }
        Ok(Self(keys.iter().map(RingKey::new).collect()))
    }
}

impl std::fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "KeyRing({} keys)", self.0.len())
    }
}

impl RingKey {
    fn new(key: &ClusterKey) -> Self {
        let cipher = XChaCha20Poly1305::new((&key.0).into());
        // The tag of an empty message under a nonce that is used for nothing else tells keys apart without
        // telling anything of them. Zero is taken, so 255 ids remain; two keys of one id are both tried.
        let label = Payload { msg: &[], aad: b"p2pfaas key id" };
        let tag = cipher.encrypt(&XNonce::from([0; NONCE_BYTES]), label).unwrap_or_default();
        Self { id: tag.first().copied().unwrap_or_default().max(1), cipher }
    }
}

/// What an envelope is, in its clear head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Kind {
    /// A greeting, for whoever is at the address: the sender does not know the node's id yet.
    Hello = 1,
    /// Its answer.
    Welcome = 2,
    /// A message of foca's.
    Membership = 3,
    /// Records.
    Records = 4,
    /// A request on a stream.
    Request = 5,
    /// The answer on a stream; authenticated with the nonce of its request.
    Response = 6,
    /// A sign of life.
    Pulse = 7,
}

impl Kind {
    const ALL: [Self; 7] = [
        Self::Hello,
        Self::Welcome,
        Self::Membership,
        Self::Records,
        Self::Request,
        Self::Response,
        Self::Pulse,
    ];

    fn of(byte: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| *kind as u8 == byte)
    }
}

/// Whom a message is for, authenticated but not sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum To {
    Anybody,
    Node(NodeId),
    /// The node that sent the request of this nonce.
    Asker(NodeId, u64),
}

/// An envelope that was opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Opened {
    pub(crate) kind: Kind,
    pub(crate) nonce: u64,
    pub(crate) content: Vec<u8>,
}

/// Why an envelope stays shut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shut {
    /// No envelope of this version.
    Malformed,
    /// Sealed under no key of ours, for somebody else, or not sealed at all where we have keys.
    Stranger,
}

/// Seals and opens for one cluster.
#[derive(Debug, Clone)]
pub(crate) struct Seal {
    cluster: ClusterName,
    keys: Option<KeyRing>,
}

impl Seal {
    pub(crate) fn new(cluster: ClusterName, keys: Option<KeyRing>) -> Self {
        Self { cluster, keys }
    }

    /// The envelope around `content`, and the number that tells it from others.
    pub(crate) fn close(&self, kind: Kind, to: To, content: &[u8], rng: &mut StdRng) -> (Vec<u8>, u64) {
        let Some(key) = self.keys.as_ref().and_then(|ring| ring.0.first()) else {
            let nonce: [u8; PLAIN_NONCE_BYTES] = rng.random();
            let head = [VERSION, kind as u8, PLAIN];
            return ([&head[..], &nonce, content].concat(), short(&nonce));
        };
        let nonce: [u8; NONCE_BYTES] = rng.random();
        let head = [VERSION, kind as u8, key.id];
        let payload = Payload { msg: content, aad: &self.associated(kind, to) };
        // The cipher fails only above 256 GiB; an empty ciphertext opens nowhere.
        let sealed = key.cipher.encrypt(&XNonce::from(nonce), payload).unwrap_or_default();
        ([&head[..], &nonce, &sealed].concat(), short(&nonce))
    }

    /// The content of `envelope`, if it is for us: `to` says as whom we open each kind.
    pub(crate) fn open(&self, envelope: &[u8], to: impl Fn(Kind) -> To) -> Result<Opened, Shut> {
        let (head, rest) = envelope.split_at_checked(HEAD_BYTES).ok_or(Shut::Malformed)?;
        let kind = Kind::of(head[1]).filter(|_| head[0] == VERSION).ok_or(Shut::Malformed)?;
        match (&self.keys, head[2]) {
            (None, PLAIN) => {
                let (nonce, content) = rest.split_at_checked(PLAIN_NONCE_BYTES).ok_or(Shut::Malformed)?;
                Ok(Opened { kind, nonce: short(nonce), content: content.to_vec() })
            }
            (Some(ring), id) if id != PLAIN => {
                let (nonce, sealed) = rest.split_at_checked(NONCE_BYTES).ok_or(Shut::Malformed)?;
                let full: [u8; NONCE_BYTES] = nonce.try_into().map_err(|_| Shut::Malformed)?;
                let associated = self.associated(kind, to(kind));
                let try_key = |key: &RingKey| {
                    let payload = Payload { msg: sealed, aad: &associated };
                    key.cipher.decrypt(&XNonce::from(full), payload).ok()
                };
                let content = ring.0.iter().filter(|key| key.id == id).find_map(try_key);
                let content = content.ok_or(Shut::Stranger)?;
                Ok(Opened { kind, nonce: short(nonce), content })
            }
            _ => Err(Shut::Stranger),
        }
    }

    /// Everything the two sides must agree on. Parts of fixed length come first, so no two read the same.
    fn associated(&self, kind: Kind, to: To) -> Vec<u8> {
        let (node, nonce) = match to {
            To::Anybody => (0, 0),
            To::Node(node) => (node.bits(), 0),
            To::Asker(node, nonce) => (node.bits(), nonce),
        };
        let fixed = [&[VERSION, kind as u8][..], &node.to_be_bytes(), &nonce.to_be_bytes()].concat();
        [&fixed, self.cluster.as_str().as_bytes()].concat()
    }
}

/// The nonce's first 8 bytes: enough to tell a datagram from the few thousand before it.
fn short(nonce: &[u8]) -> u64 {
    nonce.iter().take(8).fold(0, |bits, byte| bits << 8 | u64::from(*byte))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rand::SeedableRng;

    use super::*;

    const ME: To = To::Node(NodeId::new(1));

    fn key(byte: u8) -> ClusterKey {
        ClusterKey::new([byte; 32])
    }

    fn seal(cluster: &str, keys: &[ClusterKey]) -> Seal {
        let ring = (!keys.is_empty()).then(|| KeyRing::new(keys).unwrap());
        Seal::new(ClusterName::new(cluster).unwrap(), ring)
    }

    fn rng() -> StdRng {
        StdRng::seed_from_u64(1)
    }

    #[test]
    fn opens_only_as_what_it_was_sealed_as() {
        let seal_a = seal("a", &[key(1)]);
        let (envelope, nonce) = seal_a.close(Kind::Records, ME, b"content", &mut rng());
        let opened = seal_a.open(&envelope, |_| ME).unwrap();
        assert_eq!(opened, Opened { kind: Kind::Records, nonce, content: b"content".to_vec() });

        assert_eq!(seal_a.open(&envelope, |_| To::Node(NodeId::new(2))), Err(Shut::Stranger));
        assert_eq!(seal_a.open(&envelope, |_| To::Asker(NodeId::new(1), 5)), Err(Shut::Stranger));
        assert_eq!(seal("b", &[key(1)]).open(&envelope, |_| ME), Err(Shut::Stranger));
        assert_eq!(seal("a", &[key(2)]).open(&envelope, |_| ME), Err(Shut::Stranger));
        assert_eq!(seal("a", &[]).open(&envelope, |_| ME), Err(Shut::Stranger));
        let mut other_kind = envelope.clone();
        other_kind[1] = Kind::Membership as u8;
        assert_eq!(seal_a.open(&other_kind, |_| ME), Err(Shut::Stranger));
    }

    #[test]
    fn what_is_not_sealed_is_refused_where_there_is_a_key() {
        let (envelope, _) = seal("a", &[]).close(Kind::Records, ME, b"content", &mut rng());
        assert!(seal("a", &[]).open(&envelope, |_| ME).is_ok());
        assert_eq!(seal("a", &[key(1)]).open(&envelope, |_| ME), Err(Shut::Stranger));
    }

    #[test]
    fn a_key_is_rolled_without_a_message_lost() {
        let steps = [vec![key(1)], vec![key(1), key(2)], vec![key(2), key(1)], vec![key(2)]];
        for pair in steps.windows(2) {
            let (before, after) = (seal("a", &pair[0]), seal("a", &pair[1]));
            for (from, to) in [(&before, &after), (&after, &before)] {
                let (envelope, _) = from.close(Kind::Records, ME, b"content", &mut rng());
                assert!(to.open(&envelope, |_| ME).is_ok());
            }
        }
    }

    #[test]
    fn a_ring_holds_one_to_three_different_keys() {
        assert_eq!(KeyRing::new(&[]).err(), Some(InvalidKeyRing::Count(0)));
        let four = [key(1), key(2), key(3), key(4)];
        assert_eq!(KeyRing::new(&four).err(), Some(InvalidKeyRing::Count(4)));
        assert_eq!(KeyRing::new(&[key(1), key(1)]).err(), Some(InvalidKeyRing::Repeated));
        assert!(!format!("{:?}", key(77)).contains("77"));
    }

    proptest! {
        #[test]
        fn one_flipped_bit_shuts_it(bit in 0_usize..(SEAL_BYTES + 7) * 8) {
            let seal_a = seal("a", &[key(1)]);
            let (mut envelope, _) = seal_a.close(Kind::Records, ME, b"content", &mut rng());
            envelope[bit / 8] ^= 1 << (bit % 8);
            prop_assert!(seal_a.open(&envelope, |_| ME).is_err());
        }
    }
}
