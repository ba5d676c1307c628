//! What rules tell clients: files are read here.

use super::Lowering;
use config::{Lead, Proxy, Spanned, Stage};
use table::{Reply, ReplyContent};

impl Lowering<'_> {
    /// `None` if a file cannot be read, or holds what it should not; that has been reported.
    pub(super) fn reply(&mut self, reply: &config::Reply, whose: config::Speaker, proxy: &Proxy) -> Option<Reply> {
        let content = match &reply.content {
            config::ReplyContent::Page => ReplyContent::Page,
            config::ReplyContent::Nothing => ReplyContent::Text(Box::default()),
            config::ReplyContent::Text(text) => ReplyContent::Text(text.as_bytes().into()),
            config::ReplyContent::Format(format) => ReplyContent::Format(self.format(format, proxy)),
            config::ReplyContent::File(path) => ReplyContent::Text(self.file(path)?),
            config::ReplyContent::FormatFile(path) => self.format_file(path, whose, proxy)?,
            config::ReplyContent::ErrorFile(path) => ReplyContent::Whole(self.error_file(path)?),
            config::ReplyContent::Section(name) => match self.error_of_section(name, reply.status) {
                Some(path) => ReplyContent::Whole(self.error_file(path)?),
                None => ReplyContent::Page,
            },
        };
        let mut fields = Vec::with_capacity(reply.fields.len());
        for (name, value) in &reply.fields {
            fields.push((name.as_str().into(), self.format(value, proxy)));
        }
        let content_type = reply.content_type.as_deref().map(Into::into);
        Some(Reply { status: reply.status, content, content_type, fields })
    }

    fn format_file(&mut self, path: &Spanned<String>, whose: config::Speaker, proxy: &Proxy) -> Option<ReplyContent> {
        let bytes = self.file(path)?;
        let read = match str::from_utf8(&bytes) {
            Ok(text) => config::Format::of_file(text, path.span, whose),
            Err(_) => Err("it is not text in UTF-8".to_owned()),
        };
        match read {
            Ok(format) => Some(ReplyContent::Format(self.format(&format, proxy))),
            Err(why) => {
                self.alert(Stage::Parsing, Lead::Spaced, path.span, format!("lf-file '{}': {why}.", path.value));
                None
            }
        }
    }
}
