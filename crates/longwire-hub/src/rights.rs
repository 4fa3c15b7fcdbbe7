//! Who may publish and receive what, without IO.

use std::sync::Arc;

use hub_protocol::{PublishForm, SUBSCRIPTIONS, Selectors, TopicSelector};

use crate::publishing::Refusal;

/// What a token grants, until it ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Grant {
    pub(crate) publish: Selectors,
    pub(crate) subscribe: Selectors,
    /// What is shown of its subscriptions, where they can be seen: JSON.
    pub(crate) payload: Option<Arc<str>>,
    /// In seconds since 1970.
    pub(crate) expires: u64,
    /// Whom it was made out to (`sub`), if to anybody.
    pub(crate) subject: Option<Arc<str>>,
}

impl Grant {
    pub(crate) fn is_over(&self, now: u64) -> bool {
        now >= self.expires
    }

    fn publishes(&self, form: &PublishForm) -> bool {
        let mut topics = form.topics.iter();
        topics.all(|topic| self.publish.matches([topic.as_str()]))
    }

    fn receives(&self, form: &PublishForm) -> bool {
        self.subscribe
            .matches(form.topics.iter().map(String::as_str))
    }
}

/// What holds for everybody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Policy {
    /// There is no key: everybody may do everything that is public.
    Demo,
    /// Whoever has no token may receive what is public.
    Anonymous,
    /// Nothing without a token.
    Closed,
}

impl Policy {
    /// Whether this event may be published.
    ///
    /// # Errors
    ///
    /// It may not, for want of a token or of a grant.
    pub(crate) fn publish(
        self,
        form: &PublishForm,
        grant: Option<&Grant>,
        now: u64,
    ) -> Result<(), Refusal> {
        if form.topics.iter().any(|topic| is_reserved(topic)) {
            return Err(Refusal::Reserved);
        }
        match (self, grant) {
            (Self::Demo, _) if form.private => Err(Refusal::Private),
            (Self::Demo, _) => Ok(()),
            (_, Some(grant)) if grant.is_over(now) => Err(Refusal::Unauthorized),
            (_, Some(grant)) if grant.publishes(form) => Ok(()),
            (_, Some(_)) => Err(Refusal::Forbidden),
            (_, None) => Err(Refusal::Unauthorized),
        }
    }

    /// Whether somebody may subscribe at all.
    ///
    /// # Errors
    ///
    /// Not without a token, or not with this one any more.
    pub(crate) fn subscribe(self, grant: Option<&Grant>, now: u64) -> Result<(), Refusal> {
        match (self, grant) {
            (_, Some(grant)) if grant.is_over(now) => Err(Refusal::Unauthorized),
            (Self::Closed, None) => Err(Refusal::Unauthorized),
            _ => Ok(()),
        }
    }

    /// Whether somebody may see the numbers that are received under `topic`.
    ///
    /// # Errors
    ///
    /// They may not, for want of a token or of a grant.
    pub(crate) fn observe(
        self,
        grant: Option<&Grant>,
        topic: &str,
        now: u64,
    ) -> Result<(), Refusal> {
        match (self, grant) {
            (Self::Demo, _) => Ok(()),
            (_, Some(grant)) if grant.is_over(now) => Err(Refusal::Unauthorized),
            (_, Some(grant)) if grant.subscribe.matches([topic]) => Ok(()),
            (_, Some(_)) => Err(Refusal::Forbidden),
            (_, None) => Err(Refusal::Unauthorized),
        }
    }

    /// Whether a subscriber may receive this event, live or replayed.
    pub(crate) fn receive(form: &PublishForm, grant: Option<&Grant>) -> bool {
        !form.private || grant.is_some_and(|grant| grant.receives(form))
    }
}

/// Whether this is the topic of a subscription event, which the hub alone publishes: nobody shall
/// seem to be where they are not.
fn is_reserved(topic: &str) -> bool {
    let rest = topic.strip_prefix(SUBSCRIPTIONS);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// The selectors of a claim.
pub(crate) fn selectors(claim: &[String]) -> Option<Selectors> {
    let mut selectors = Selectors::new();
    for text in claim {
        selectors.insert(TopicSelector::parse(text).ok()?).ok()?;
    }
    Some(selectors)
}

#[cfg(test)]
mod tests {
    use super::*;
    use hub_protocol::Data;

    fn grant(publish: &[&str], subscribe: &[&str]) -> Grant {
        let parse = |texts: &[&str]| {
            let texts: Vec<_> = texts.iter().map(|text| (*text).to_owned()).collect();
            selectors(&texts).unwrap()
        };
        Grant {
            publish: parse(publish),
            subscribe: parse(subscribe),
            payload: None,
            expires: 100,
            subject: None,
        }
    }

    fn form(topics: &[&str], private: bool) -> PublishForm {
        let topics = topics.iter().map(|topic| (*topic).to_owned()).collect();
        let mut form = PublishForm::new(topics, Data::Text(String::new()));
        form.private = private;
        form
    }

    #[test]
    fn every_topic_of_a_publish_must_be_granted() {
        let some = grant(&["a", "/books/{id}"], &["*"]);
        let publish =
            |topics: &[&str]| Policy::Anonymous.publish(&form(topics, true), Some(&some), 0);
        assert_eq!(publish(&["a", "/books/7"]), Ok(()));
        assert_eq!(publish(&["a", "b"]), Err(Refusal::Forbidden));
        assert_eq!(publish(&["/books/7/8"]), Err(Refusal::Forbidden));
        let none = grant(&[], &["*"]);
        let refused = Policy::Closed.publish(&form(&["a"], false), Some(&none), 0);
        assert_eq!(refused, Err(Refusal::Forbidden));
        for policy in [Policy::Anonymous, Policy::Closed] {
            let refused = policy.publish(&form(&["a"], false), None, 0);
            assert_eq!(refused, Err(Refusal::Unauthorized));
        }
    }

    #[test]
    fn a_grant_ends() {
        let all = grant(&["*"], &["*"]);
        for (now, outcome) in [(99, Ok(())), (100, Err(Refusal::Unauthorized))] {
            assert_eq!(
                Policy::Closed.publish(&form(&["a"], false), Some(&all), now),
                outcome
            );
            for policy in [Policy::Demo, Policy::Anonymous, Policy::Closed] {
                assert_eq!(policy.subscribe(Some(&all), now), outcome);
            }
        }
        assert_eq!(
            Policy::Closed.subscribe(None, 0),
            Err(Refusal::Unauthorized)
        );
        assert_eq!(Policy::Anonymous.subscribe(None, 0), Ok(()));
    }

    #[test]
    fn numbers_are_for_those_who_may_receive_them() {
        let observe = |policy: Policy, grant: Option<&Grant>| policy.observe(grant, "/numbers", 0);
        assert_eq!(observe(Policy::Demo, None), Ok(()));
        for policy in [Policy::Anonymous, Policy::Closed] {
            assert_eq!(observe(policy, None), Err(Refusal::Unauthorized));
            let granted = grant(&[], &["/numbers"]);
            assert_eq!(observe(policy, Some(&granted)), Ok(()));
            let other = grant(&["*"], &["/other"]);
            assert_eq!(observe(policy, Some(&other)), Err(Refusal::Forbidden));
            let over = policy.observe(Some(&granted), "/numbers", 100);
            assert_eq!(over, Err(Refusal::Unauthorized));
        }
    }

    #[test]
    fn what_is_private_is_for_those_with_a_grant_of_one_of_its_topics() {
        let some = grant(&["*"], &["/users/{id}", "a_b"]);
        let receives = |topics: &[&str]| Policy::receive(&form(topics, true), Some(&some));
        assert!(receives(&["other", "/users/1"]) && receives(&["a_b"]));
        // Not joined to one text with anything.
        assert!(!receives(&["a"]) && !receives(&["a_b_c"]) && !receives(&["b"]));
        assert!(!Policy::receive(&form(&["a_b"], true), None));
        assert!(Policy::receive(&form(&["a_b"], false), None));
    }

    #[test]
    fn what_the_hub_says_nobody_else_says() {
        let all = grant(&["*"], &["*"]);
        for topic in [SUBSCRIPTIONS.to_owned(), format!("{SUBSCRIPTIONS}/a/b")] {
            for policy in [Policy::Demo, Policy::Anonymous, Policy::Closed] {
                let refused = policy.publish(&form(&["a", &topic], false), Some(&all), 0);
                assert_eq!(refused, Err(Refusal::Reserved), "{topic}");
            }
        }
        let other = format!("{SUBSCRIPTIONS}ish");
        assert_eq!(
            Policy::Demo.publish(&form(&[&other], false), None, 0),
            Ok(())
        );
    }

    #[test]
    fn a_demo_is_public() {
        assert_eq!(Policy::Demo.publish(&form(&["a"], false), None, 0), Ok(()));
        let private = Policy::Demo.publish(&form(&["a"], true), None, 0);
        assert_eq!(private, Err(Refusal::Private));
    }
}
