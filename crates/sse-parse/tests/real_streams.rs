//! The shapes of streams that clients meet, as their servers send them.

mod literal;
mod support;

use support::{comment, event, everywhere, message, retry};

#[test]
fn tokens_of_a_chat_completion() {
    everywhere(
        b"data: {\"id\":\"c-1\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Hel\"}}]}\n\n\
          data: {\"id\":\"c-1\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"lo\"}}]}\n\n\
          data: [DONE]\n\n",
        &[
            message(
                r#"{"id":"c-1","choices":[{"index":0,"delta":{"content":"Hel"}}]}"#,
                "",
            ),
            message(
                r#"{"id":"c-1","choices":[{"index":0,"delta":{"content":"lo"}}]}"#,
                "",
            ),
            message("[DONE]", ""),
        ],
    );
}

#[test]
fn named_events_of_a_message() {
    everywhere(
        b"event: message_start\ndata: {\"type\":\"message_start\"}\n\n\
          event: ping\ndata: {\"type\": \"ping\"}\n\n\
          event: content_block_delta\n\
          data: {\"type\":\"content_block_delta\",\"delta\":{\"text\":\"Hi \xf0\x9f\x91\x8b\"}}\n\n\
          event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n",
        &[
            event("message_start", r#"{"type":"message_start"}"#, ""),
            event("ping", r#"{"type": "ping"}"#, ""),
            event(
                "content_block_delta",
                "{\"type\":\"content_block_delta\",\"delta\":{\"text\":\"Hi 👋\"}}",
                "",
            ),
            event("message_stop", r#"{"type":"message_stop"}"#, ""),
        ],
    );
}

#[test]
fn priming_event_and_results_of_a_tool_server() {
    everywhere(
        b"id: s1_0\nretry: 500\ndata:\n\n\
          event: message\nid: s1_1\ndata: {\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}\n\n",
        &[
            retry(500),
            message("", "s1_0"),
            message(r#"{"jsonrpc":"2.0","id":1,"result":{}}"#, "s1_1"),
        ],
    );
}

#[test]
fn a_gateway_that_speaks_of_its_work() {
    everywhere(
        b": GATEWAY PROCESSING\r\n\r\n: GATEWAY PROCESSING\r\n\r\ndata: {\"ok\":true}\r\n\r\n",
        &[
            comment("GATEWAY PROCESSING"),
            comment("GATEWAY PROCESSING"),
            message(r#"{"ok":true}"#, ""),
        ],
    );
}
