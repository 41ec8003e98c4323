use std::time::Duration;

use foca::{Message, Notification, Runtime, Timer};

use crate::identity::Identity;

/// What foca asks for during one call; emptied after each.
#[derive(Debug, Default)]
pub(crate) struct Effects {
    pub(crate) sends: Vec<FocaSend>,
    pub(crate) timers: Vec<(Duration, Timer<Identity>)>,
    pub(crate) notes: Vec<Note>,
}

#[derive(Debug)]
pub(crate) struct FocaSend {
    pub(crate) to: Identity,
    pub(crate) content: Vec<u8>,
    pub(crate) purpose: Purpose,
}

/// What a message is for, which decides how often it is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Repeats itself, with other members.
    Gossip,
    /// Part of a probe or of a join, where a loss has consequences.
    Vital,
    /// The ping of the probe of this number.
    Ping(u8),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Note {
    Up(Identity),
    Down(Identity),
    Renamed(Identity),
    Rejoined,
    Pinged(Identity, u8),
    Acknowledged(Identity, u8),
    ProbeFailed,
    /// The own incarnation, as the last message carried it.
    Spoke(u16),
    Alone,
}

impl Runtime<Identity> for Effects {
    fn notify(&mut self, notification: Notification<'_, Identity>) {
        let note = match notification {
            Notification::MemberUp(id) => Note::Up(*id),
            Notification::MemberDown(id) => Note::Down(*id),
            Notification::Rename(_, new) => Note::Renamed(*new),
            Notification::Rejoin(_) => Note::Rejoined,
            Notification::Idle => Note::Alone,
            Notification::ProbeFailed(..) => Note::ProbeFailed,
            Notification::DataReceived(header) => match header.message {
                Message::Ack(number) => Note::Acknowledged(header.src, number),
                _ => return,
            },
            Notification::DataSent(header) => {
                if let Some(send) = self.sends.last_mut() {
                    send.purpose = match header.message {
                        Message::Feed | Message::Gossip => Purpose::Gossip,
                        Message::Ping(number) => Purpose::Ping(number),
                        _ => Purpose::Vital,
                    };
                }
                if let Message::Ping(number) = header.message {
                    self.notes.push(Note::Pinged(header.dst, number));
                }
                Note::Spoke(header.src_incarnation)
            }
            Notification::Active | Notification::Defunct => return,
        };
        self.notes.push(note);
    }

    fn send_to(&mut self, to: Identity, data: &[u8]) {
        self.sends.push(FocaSend { to, content: data.to_vec(), purpose: Purpose::Vital });
    }

    fn submit_after(&mut self, event: Timer<Identity>, after: Duration) {
        self.timers.push((after, event));
    }
}
