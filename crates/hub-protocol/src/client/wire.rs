//! What a client writes into URLs and bodies.

use resume::Start;

use crate::{Data, PublishForm, Selectors, encode_base64};

impl PublishForm {
    /// An event of text; `topics` begins with the canonical one. Its other fields can be set
    /// afterwards.
    ///
    /// # Example
    ///
    /// ```
    /// use hub_protocol::PublishForm;
    ///
    /// let mut form = PublishForm::text(["prices"], "42 & more");
    /// form.event = Some("tick".into());
    /// let mut body = Vec::new();
    /// form.encode(&mut body);
    /// assert_eq!(body, b"topic=prices&data=42%20%26%20more&type=tick");
    /// assert_eq!(PublishForm::parse(&body), Ok(form));
    /// ```
    #[must_use]
    pub fn text<T: Into<String>>(
        topics: impl IntoIterator<Item = T>,
        data: impl Into<String>,
    ) -> Self {
        Self::with_data(topics, Data::Text(data.into()))
    }

    /// An event of bytes; `topics` begins with the canonical one.
    #[must_use]
    pub fn binary<T: Into<String>>(
        topics: impl IntoIterator<Item = T>,
        data: impl Into<Vec<u8>>,
    ) -> Self {
        Self::with_data(topics, Data::Binary(data.into()))
    }

    fn with_data<T: Into<String>>(topics: impl IntoIterator<Item = T>, data: Data) -> Self {
        Self {
            topics: topics.into_iter().map(Into::into).collect(),
            data,
            id: None,
            event: None,
            retry: None,
            private: false,
            ephemeral: false,
        }
    }

    /// Appends the form to `out` as `application/x-www-form-urlencoded`: what
    /// [`PublishForm::parse`] reads.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let mut form = Vec::with_capacity(self.data.len() + 128);
        self.pairs(&mut form);
        out.append(&mut form);
    }

    fn pairs(&self, out: &mut Vec<u8>) {
        for topic in &self.topics {
            pair("topic", topic.as_bytes(), out);
        }
        match &self.data {
            Data::Text(text) => pair("data", text.as_bytes(), out),
            Data::Binary(bytes) => {
                let mut text = Vec::new();
                encode_base64(bytes, &mut text);
                pair("encoding", b"base64", out);
                pair("data", &text, out);
            }
        }
        for (name, value) in [("id", &self.id), ("type", &self.event)] {
            if let Some(value) = value {
                pair(name, value.as_bytes(), out);
            }
        }
        if let Some(retry) = self.retry {
            pair("retry", retry.to_string().as_bytes(), out);
        }
        for (name, flag) in [("private", self.private), ("ephemeral", self.ephemeral)] {
            if flag {
                pair(name, b"1", out);
            }
        }
    }
}

/// The topics as parameters of a query.
pub(super) fn query(topics: &Selectors) -> String {
    let mut out = Vec::new();
    for topic in topics.iter() {
        pair("topic", topic.as_str().as_bytes(), &mut out);
    }
    String::from_utf8(out).unwrap_or_default()
}

/// The value of `Last-Event-ID`, unless the client begins live.
pub(super) fn last_event_id(start: &Start) -> Option<String> {
    match start {
        Start::After(position) => Some(position.to_string()),
        Start::Earliest => Some("earliest".to_owned()),
        other => other.text().map(str::to_owned),
    }
}

/// Appends a pair, everything but unreserved characters escaped.
fn pair(name: &str, value: &[u8], out: &mut Vec<u8>) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    if !out.is_empty() {
        out.push(b'&');
    }
    out.extend_from_slice(name.as_bytes());
    out.push(b'=');
    for &byte in value {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            out.push(byte);
        } else {
            out.push(b'%');
            out.push(DIGITS[usize::from(byte >> 4)]);
            out.push(DIGITS[usize::from(byte & 0xf)]);
        }
    }
}
