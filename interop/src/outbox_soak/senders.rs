//! Senders that go on when the receiver is killed, and remember what it acknowledged.

use super::marks::{Marks, Number};
use crate::Object;
use crate::wire::{Answer, Client, Command, Pdv, Request, data_pdu, uid};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

/// Objects on an association, at most.
const OBJECTS: usize = 50;

/// What the senders share.
pub(super) struct Sending<'a> {
    pub(super) port: u16,
    pub(super) object_bytes: usize,
    /// Objects that are still to be sent, altogether.
    pub(super) left: &'a AtomicUsize,
    pub(super) acknowledged: &'a Marks,
}

impl Sending<'_> {
    /// Sends objects, one association after another, until none is left. Of an object that was not acknowledged, nobody
    /// knows: it is never sent again.
    pub(super) fn send(&self, sender: usize) {
        let mut object = 0;
        while self.left.load(Ordering::Relaxed) > 0 {
            if self.send_some(sender, &mut object).is_none() {
                // It is starting.
                thread::sleep(Duration::from_millis(20));
            }
        }
    }

    /// `None` as soon as the association breaks or does not come about.
    fn send_some(&self, sender: usize, next: &mut usize) -> Option<()> {
        let mut client = Client::try_connect(self.port).ok()?;
        client.try_send(&Request::usual().encode()).ok()?;
        let Answer::Accept(_) = client.answer() else { return None };
        for _ in 0..OBJECTS {
            let one_less = |left: usize| left.checked_sub(1);
            self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_less).ok()?;
            let number = Number { sender, object: *next };
            *next += 1;
            let object = Object::new(uid::CT, &number.uid(), self.object_bytes);
            let command =
                Command::store(client.message_id(), &object.sop_class, &object.sop_instance);
            let mut bytes = data_pdu(&[Pdv::command(3, true, &command.encode())]);
            bytes.extend(data_pdu(&[Pdv::data(3, true, &object.bytes)]));
            client.try_send(&bytes).ok()?;
            let Answer::Data(pdvs) = client.answer() else { return None };
            // Refused for a while: too much waits.
            if Command::parse(&pdvs[0].data).status() == 0 {
                self.acknowledged.add(number);
            }
        }
        client.release();
        Some(())
    }
}
