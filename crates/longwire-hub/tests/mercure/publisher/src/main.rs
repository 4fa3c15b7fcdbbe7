//! `mercure-publisher HUB TOKEN PRIVACY DATA TOPIC...`: publishes with the crate `mercure`, and
//! prints the id. A token `secret:TEXT` is one that the crate makes itself.

use std::env;
use std::error::Error;

use mercure::client::PublishUpdatePrivacy;
use mercure::{Client, HubUrl, PublisherJwt, Topic, TopicSelector};
use url::Url;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    let mut next = || arguments.next().ok_or("an argument is missing");
    let hub = HubUrl::try_from(next()?.parse::<Url>()?)?;
    let token = next()?;
    let token = match token.strip_prefix("secret:") {
        Some(secret) => {
            let secret = secret.as_bytes().to_vec().into();
            PublisherJwt::new(&secret, vec![TopicSelector::Wildcard])?
        }
        None => serde_json::from_value(token.into())?,
    };
    let privacy = match &*next()? {
        "private" => PublishUpdatePrivacy::Private,
        _ => PublishUpdatePrivacy::Public,
    };
    let data = next()?;
    let canonical = next()?.parse()?;
    let mut alternate = Vec::new();
    for topic in arguments {
        alternate.push(topic.parse()?);
    }
    let client = Client::new(reqwest::Client::new(), hub, token);
    let topic = Topic::new(canonical, alternate);
    let id = client.publish_update(topic, Some(&data), privacy).await?;
    println!("{id}");
    Ok(())
}
