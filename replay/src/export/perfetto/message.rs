//! Protobuf by hand: the ten messages of a Perfetto trace need no compiler. Field numbers are those
//! of `perfetto/trace/{trace_packet,track_event/*,interned_data/*}.proto`, which never change.

use std::collections::HashMap;
use std::io::{self, Write};

use taskreel_model::Nanos;

/// All our packets are one sequence, for which names are interned.
const SEQUENCE: u64 = 1;
/// Names are interned from here on; packets need them.
const CLEARED: u64 = 1;
const NEEDED: u64 = 2;

/// Fields of a message, as written.
#[derive(Clone, Debug, Default)]
pub(super) struct Message {
    bytes: Vec<u8>,
}

impl Message {
    pub(super) fn new() -> Self {
        Self::default()
    }

    /// A field of an unsigned number, signed number at least 0, or enumeration.
    pub(super) fn number(mut self, field: u32, value: u64) -> Self {
        self.varint(u64::from(field) << 3);
        self.varint(value);
        self
    }

    /// A field of eight bytes.
    pub(super) fn fixed(mut self, field: u32, value: u64) -> Self {
        self.varint(u64::from(field) << 3 | 1);
        self.bytes.extend(value.to_le_bytes());
        self
    }

    /// A field of text.
    pub(super) fn text(self, field: u32, text: &str) -> Self {
        self.block(field, text.as_bytes())
    }

    /// A field that is a message.
    pub(super) fn message(self, field: u32, message: &Self) -> Self {
        self.block(field, &message.bytes)
    }

    fn block(mut self, field: u32, bytes: &[u8]) -> Self {
        self.varint(u64::from(field) << 3 | 2);
        self.varint(bytes.len() as u64);
        self.bytes.extend(bytes);
        self
    }

    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.bytes.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.bytes.push(value as u8);
    }
}

/// Tables of names that are written once and referred to by number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Names {
    Categories,
    Events,
    Arguments,
}

impl Names {
    /// The field of `InternedData` that defines one, and the field that refers to it.
    fn fields(self) -> (u32, u32) {
        match self {
            Self::Categories => (1, 3),
            Self::Events => (2, 10),
            Self::Arguments => (3, 1),
        }
    }
}

/// A value beside a slice; nothing is written where there is none.
pub(super) enum Argument<'a> {
    Text(Option<&'a str>),
    Number(Option<u64>),
}

/// Writes packets, and the names that they refer to before them.
pub(super) struct Packets<'a> {
    out: &'a mut dyn Write,
    names: HashMap<(Names, String), u64>,
    n_names: u64,
}

impl<'a> Packets<'a> {
    pub(super) fn new(out: &'a mut dyn Write) -> Self {
        Self { out, names: HashMap::new(), n_names: 0 }
    }

    /// The packet before all others: no names are known yet.
    pub(super) fn begin(&mut self) -> io::Result<()> {
        self.packet(Message::new().number(13, CLEARED).number(87, 1))
    }

    /// Describes a track.
    pub(super) fn track(&mut self, track: &Message) -> io::Result<()> {
        self.packet(Message::new().message(60, track))
    }

    /// An event at an instant.
    pub(super) fn event(&mut self, at: Nanos, event: &Message) -> io::Result<()> {
        self.packet(Message::new().number(8, at.0).number(13, NEEDED).message(11, event))
    }

    /// The event with a name, or category, by number.
    pub(super) fn named(
        &mut self,
        event: Message,
        table: Names,
        name: &str,
    ) -> io::Result<Message> {
        Ok(event.number(table.fields().1, self.name(table, name)?))
    }

    /// The event with what is to be known of it.
    pub(super) fn arguments(
        &mut self,
        mut event: Message,
        arguments: &[(&str, Argument<'_>)],
    ) -> io::Result<Message> {
        for (name, value) in arguments {
            let annotation = match value {
                Argument::Text(Some(text)) => Message::new().text(6, text),
                Argument::Number(Some(number)) => Message::new().number(3, *number),
                Argument::Text(None) | Argument::Number(None) => continue,
            };
            let annotation = self.named(annotation, Names::Arguments, name)?;
            event = event.message(4, &annotation);
        }
        Ok(event)
    }

    fn name(&mut self, table: Names, name: &str) -> io::Result<u64> {
        if let Some(id) = self.names.get(&(table, name.to_owned())) {
            return Ok(*id);
        }
        self.n_names += 1;
        let id = self.n_names;
        self.names.insert((table, name.to_owned()), id);
        let entry = Message::new().number(1, id).text(2, name);
        let names = Message::new().message(table.fields().0, &entry);
        self.packet(Message::new().number(13, NEEDED).message(12, &names))?;
        Ok(id)
    }

    fn packet(&mut self, packet: Message) -> io::Result<()> {
        let packet = packet.number(10, SEQUENCE);
        self.out.write_all(&Message::new().message(1, &packet).bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_what_the_specification_says() {
        // The example of the protobuf documentation: field 1 is 150, field 2 is "testing".
        let message = Message::new().number(1, 150).text(2, "testing");
        let expected = [&[0x08, 0x96, 0x01, 0x12, 0x07][..], b"testing"].concat();
        assert_eq!(message.bytes, expected);
        let outer = Message::new().message(3, &message).fixed(47, 1);
        assert_eq!(outer.bytes[..2], [0x1a, 12]);
        assert_eq!(outer.bytes[14..], [0xf9, 0x02, 1, 0, 0, 0, 0, 0, 0, 0]);
    }
}
