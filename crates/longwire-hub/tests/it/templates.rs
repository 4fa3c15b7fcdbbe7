//! Topics asked for by URI template.

use crate::support::{CARRIERS, Directory, Hub, Seen, Subscriber};

const BOOKS: &str = "/books/{id}";

#[tokio::test]
async fn a_template_gets_its_topics_live_and_replayed_and_no_others() {
    let directory = Directory::new();
    for options in [
        &["--fsync", "never", "--recent-bytes", "1"][..],
        &["--fsync", "never"],
    ] {
        let hub = Hub::on_disk(&directory, options).await;
        let mut ids = Vec::new();
        let mut live = Vec::new();
        for carrier in CARRIERS {
            live.push(Subscriber::live(carrier, &hub, BOOKS).await);
        }
        let before = hub.publish_data("other", "").await;
        for n in 1..=40 {
            ids.push(
                hub.publish_data(&format!("/books/{n}"), &n.to_string())
                    .await,
            );
            hub.publish_data(&format!("/books/{n}/reviews"), "not this")
                .await;
            hub.publish_data("/authors/1", "nor this").await;
        }
        let fields = [("topic", "/books/a"), ("topic", "/books/b"), ("data", "41")];
        ids.push(hub.publish(&fields).await.text().to_owned());
        for carrier in CARRIERS {
            live.push(Subscriber::after(carrier, &hub, BOOKS, &before).await);
            let parameters = [
                ("topic", BOOKS),
                ("topic", "/books/7"),
                ("lastEventID", &before),
            ];
            live.push(Subscriber::open(carrier, &hub, &parameters).await);
        }
        for subscriber in &mut live {
            let mut number = 0;
            while number < 41 {
                if let Seen::Event { id, data, .. } = subscriber.next().await {
                    assert_eq!((&id, data), (&ids[number], (number + 1).to_string()));
                    number += 1;
                }
            }
        }
        drop(live);
        hub.stop().await;
    }
}
