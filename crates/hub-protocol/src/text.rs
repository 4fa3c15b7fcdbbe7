//! Values that stand in JSON as strings, with the texts their own crates define.

use std::borrow::Cow;

use resume::{GapReason, Position};
use serde::de::Error;
use serde::{Deserialize, Deserializer};

use crate::{ErrorCode, SkipReason};

#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

pub(crate) fn position<'de, D: Deserializer<'de>>(from: D) -> Result<Position, D::Error> {
    let Text(text) = Text::deserialize(from)?;
    Position::parse(text.as_bytes()).map_err(Error::custom)
}

pub(crate) fn optional_position<'de, D: Deserializer<'de>>(
    from: D,
) -> Result<Option<Position>, D::Error> {
    let Some(Text(text)) = Option::deserialize(from)? else {
        return Ok(None);
    };
    Position::parse(text.as_bytes())
        .map(Some)
        .map_err(Error::custom)
}

pub(crate) fn gap_reason<'de, D: Deserializer<'de>>(
    from: D,
) -> Result<Option<GapReason>, D::Error> {
    let Text(word) = Text::deserialize(from)?;
    Ok(GapReason::parse(&word))
}

pub(crate) fn skip_reason<'de, D: Deserializer<'de>>(
    from: D,
) -> Result<Option<SkipReason>, D::Error> {
    let Text(word) = Text::deserialize(from)?;
    Ok(SkipReason::parse(&word))
}

pub(crate) fn error_code<'de, D: Deserializer<'de>>(from: D) -> Result<ErrorCode, D::Error> {
    let Text(word) = Text::deserialize(from)?;
    Ok(ErrorCode::parse(&word))
}
