//! What *Measured* says of compression, by the program that printed its table.

#[path = "../../examples/compression.rs"]
mod example;

#[tokio::test]
async fn compression_pays_over_both_protocols() {
    for row in example::rows().await {
        assert!(row.messages > 50, "{}", row.name);
        for bytes in [row.gzip, row.brotli, row.zstd] {
            assert!(bytes * 5 < row.sse * 4, "{}: {bytes}", row.name);
        }
        // Both have it: neither is ahead by more than a third.
        assert!(row.takeover * 3 < row.gzip * 4, "{}", row.name);
        assert!(row.gzip * 3 < row.takeover * 5, "{}", row.name);
        assert!(row.takeover <= row.alone, "{}", row.name);
        assert!(row.alone <= row.web_socket, "{}", row.name);
        assert!(row.sse - row.payload >= 6 * row.messages, "{}", row.name);
    }
}
