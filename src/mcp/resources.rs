//! Resources: records and the briefing, for people who pick them by hand; and the ids that complete what they type.

use super::call::{Call, told};
use super::print;
use super::tools::Detail;
use crate::domain::text;
use crate::error::{Error, Kind, Result};
use crate::ops::resume::{self, Form, ResumeInput};
use crate::ops::show;
use rmcp::ErrorData;
use rmcp::model::{Resource, ResourceContents, ResourceTemplate};

const RESUME: &str = "state://resume";
const RECORD: &str = "state://record/";
const RECORD_TEMPLATE: &str = "state://record/{id}";
const MARKDOWN: &str = "text/markdown";
/// What the protocol allows a completion to have.
const COMPLETIONS_MAX: usize = 100;

pub(super) fn fixed() -> Vec<Resource> {
    let resume = Resource::new(RESUME, "resume").with_title("Briefing").with_mime_type(MARKDOWN);
    vec![resume.with_description("Where the last session stopped, what is blocked, what is next, what is known.")]
}

pub(super) fn templates() -> Vec<ResourceTemplate> {
    let record = ResourceTemplate::new(RECORD_TEMPLATE, "record").with_title("Record").with_mime_type(MARKDOWN);
    vec![record.with_description("A record in full, by id, unique prefix or key.")]
}

/// The text behind a URI.
pub(super) fn read(uri: &str, call: &Call) -> Result<ResourceContents, ErrorData> {
    let text = match uri.strip_prefix(RECORD) {
        Some(id) if !id.is_empty() => record(&decoded(id), call),
        _ if uri == RESUME => briefing(call, Form::Whole),
        _ => Err(Error::new(Kind::NotFound, "no such resource").hint(format!("{RESUME} or {RECORD_TEMPLATE}"))),
    };
    match text {
        Ok(text) => Ok(ResourceContents::text(text, uri).with_mime_type(MARKDOWN)),
        Err(error) if error.kind == Kind::NotFound => Err(ErrorData::resource_not_found(told(&error), None)),
        Err(error) => Err(refusal(&error)),
    }
}

/// An error of a request that is no tool call.
pub(super) fn refusal(error: &Error) -> ErrorData {
    match error.kind {
        Kind::Busy | Kind::Refused | Kind::Corrupt => ErrorData::internal_error(told(error), None),
        _ => ErrorData::invalid_params(told(error), None),
    }
}

fn record(id: &str, call: &Call) -> Result<String> {
    let report = show::show(&call.workspace()?, &[id.to_owned()], None)?;
    let texts = report.records.iter().map(|record| print::full(&record.record, (call.now(), Detail::Detailed)));
    Ok(texts.collect())
}

/// A briefing that nobody need have read: the session is not taken to know it now.
pub(super) fn briefing(call: &Call, form: Form) -> Result<String> {
    let report = resume::brief(&call.workspace()?, &ResumeInput { form, ..ResumeInput::default() }, call.now())?;
    Ok(print::for_tools(&text::display(&report.text)))
}

/// Percent signs of a URI undone; what is no such escape stays.
fn decoded(text: &str) -> String {
    let (mut bytes, mut rest) = (Vec::new(), text.as_bytes());
    while let Some((first, after)) = rest.split_first() {
        let hex =
            (*first == b'%').then(|| after.get(..2)).flatten().filter(|hex| hex.iter().all(u8::is_ascii_hexdigit));
        let byte = hex.and_then(|hex| u8::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok());
        bytes.push(byte.unwrap_or(*first));
        rest = if byte.is_some() { &after[2..] } else { after };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Ids that begin so, and whether there are more.
pub(super) fn completions(prefix: &str, call: &Call) -> Result<(Vec<String>, bool)> {
    let prefix = prefix.trim().to_lowercase();
    let found = call.workspace()?.read(|view| view.ids_from(&prefix, COMPLETIONS_MAX + 1))?;
    let has_more = found.len() > COMPLETIONS_MAX;
    Ok((found.into_iter().map(|(id, _)| id).take(COMPLETIONS_MAX).collect(), has_more))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_of_uris_are_undone() {
        assert_eq!(decoded("auth%2Flock%20%c3%a4"), "auth/lock ä");
        assert_eq!(decoded("100%"), "100%");
        assert_eq!(decoded("%zz%+1%2"), "%zz%+1%2");
        assert_eq!(decoded("%ff"), "\u{fffd}");
    }
}
