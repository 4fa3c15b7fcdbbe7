/// Longest body of a publish request in bytes; longer ones are answered 413.
pub const MAX_BODY: usize = 4 << 20;
/// Most bytes of data in one event, after decoding.
pub const MAX_DATA: usize = 1 << 20;
/// Most lines of text in one event. Over Server-Sent Events each is a line of its own, and clients
/// bound the lines of an event: 8,192 is common.
pub const MAX_LINES: usize = 8_000;
/// Longest topic in bytes, in publishing and in subscribing.
pub const MAX_TOPIC: usize = 256;
/// Most topics of one event, and of one subscriber.
pub const MAX_TOPICS: usize = 128;
/// Most bytes of all topics of one event together. It keeps the header of a binary frame within
/// the 65,535 bytes that its length field can say, whatever must be escaped.
pub const MAX_TOPICS_BYTES: usize = 16 << 10;
/// Longest id that a publisher may give, in bytes.
pub const MAX_ID: usize = 255;
/// Longest event name (`type` of the form), in bytes.
pub const MAX_EVENT_NAME: usize = 255;
/// Longest `ref` of a client frame, in bytes.
pub const MAX_REF: usize = 64;
/// Longest token of a `token` frame, in bytes.
pub const MAX_TOKEN: usize = 16 << 10;
/// Longest frame that a client may send, in bytes.
pub const MAX_FRAME: usize = 4 << 20;
