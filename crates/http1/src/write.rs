//! Heads as they are sent: one copy into a send buffer.
//!
//! Names are written in lower case, one space behind the colon, CR LF behind each line, as HAProxy does. The framing fields are
//! written from what was understood, in the place of the first of them, so that no edit and no oddity of the received head can
//! make the next reader understand something else.

use crate::fields::Fields;
use crate::framing::Announced;
use crate::known::Known;
use thiserror::Error;

/// What the `connection` line says that is written behind all fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ConnectionOption {
    /// No such line.
    Silent,
    Close,
    KeepAlive,
}

/// The send buffer is too small for the head.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Error)]
#[error("the head does not fit into the send buffer")]
pub struct NoRoom;

pub(crate) struct Out<'a> {
    buffer: &'a mut [u8],
    size: usize,
}

impl<'a> Out<'a> {
    pub(crate) fn new(buffer: &'a mut [u8]) -> Out<'a> {
        Out { buffer, size: 0 }
    }

    pub(crate) fn put(&mut self, text: &[u8]) -> Result<(), NoRoom> {
        self.take(text.len())?.copy_from_slice(text);
        Ok(())
    }

    /// Writes all fields, the `connection` line and the empty line. Says how large the head is.
    pub(crate) fn fields(
        mut self,
        fields: &Fields,
        bytes: &[u8],
        announced: Announced,
        connection: ConnectionOption,
    ) -> Result<usize, NoRoom> {
        let mut framing = Some(announced);
        let has_upgrade = fields.known(Known::Upgrade).next().is_some();
        for entry in fields.entries() {
            match entry.known {
                Known::ContentLength | Known::TransferEncoding => self.framing(framing.take())?,
                // `Connection: upgrade` is nothing without what it speaks of, which a rule may have removed.
                Known::Connection if !has_upgrade => {}
                Known::Connection
                | Known::Host
                | Known::Http2Settings
                | Known::KeepAlive
                | Known::MaxForwards
                | Known::ProxyConnection
                | Known::Te
                | Known::Upgrade
                | Known::WebSocketAccept
                | Known::WebSocketKey
                | Known::Other => self.line(fields.name(bytes, entry), fields.value(bytes, entry))?,
            }
        }
        self.framing(framing.take())?;
        self.end(connection)?;
        Ok(self.size)
    }

    /// Writes the `connection` line and the empty line.
    pub(crate) fn end(&mut self, connection: ConnectionOption) -> Result<(), NoRoom> {
        self.put(match connection {
            ConnectionOption::Silent => b"\r\n",
            ConnectionOption::Close => b"connection: close\r\n\r\n",
            ConnectionOption::KeepAlive => b"connection: keep-alive\r\n\r\n",
        })
    }

    /// Bytes written.
    pub(crate) fn size(&self) -> usize {
        self.size
    }

    /// Writes field lines and the empty line of a trailer section. Says how large it is.
    pub(crate) fn trailers(mut self, fields: &Fields, bytes: &[u8]) -> Result<usize, NoRoom> {
        for entry in fields.entries() {
            self.line(fields.name(bytes, entry), fields.value(bytes, entry))?;
        }
        self.put(b"\r\n")?;
        Ok(self.size)
    }

    fn framing(&mut self, announced: Option<Announced>) -> Result<(), NoRoom> {
        match announced {
            None | Some(Announced::Nothing) => Ok(()),
            Some(Announced::Length(length)) => {
                self.line(b"content-length", itoa::Buffer::new().format(length).as_bytes())
            }
            Some(Announced::Chunked) => self.put(b"transfer-encoding: chunked\r\n"),
        }
    }

    fn line(&mut self, name: &[u8], value: &[u8]) -> Result<(), NoRoom> {
        let line = self.take(name.len() + value.len() + 4)?;
        let (start, rest) = line.split_at_mut(name.len());
        start.copy_from_slice(name);
        start.make_ascii_lowercase();
        let (separator, rest) = rest.split_at_mut(2);
        separator.copy_from_slice(b": ");
        let (middle, end) = rest.split_at_mut(value.len());
        middle.copy_from_slice(value);
        end.copy_from_slice(b"\r\n");
        Ok(())
    }

    fn take(&mut self, size: usize) -> Result<&mut [u8], NoRoom> {
        let room = &mut self.buffer[self.size..];
        let taken = room.get_mut(..size).ok_or(NoRoom)?;
        self.size += size;
        Ok(taken)
    }
}
