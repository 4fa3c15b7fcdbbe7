//! Offers and responses: RFC 7692 §7.1, both sides.

use ws_deflate::{Agreed, Config, Context, NAME, Offer, ParameterError, WindowBits};

type Pair<'a> = (&'a str, Option<&'a str>);

const NO_VALUE: Option<&str> = None;

/// The parameters of one element, split naively: the tests write no quotes with `;` in them.
fn pairs(element: &str) -> Vec<Pair<'_>> {
    let mut parts = element.split(';').map(str::trim);
    assert_eq!(parts.next(), Some(NAME));
    parts
        .map(|p| p.split_once('=').map_or((p, None), |(n, v)| (n, Some(v))))
        .collect()
}

fn offer(parameters: &str) -> Result<Offer, ParameterError> {
    Offer::parse(pairs(&format!("{NAME}{parameters}")))
}

fn windows() -> impl Iterator<Item = WindowBits> {
    (0..=u8::MAX).filter_map(WindowBits::new)
}

fn contexts() -> impl Iterator<Item = Context> {
    windows().flat_map(|w| [Context::with_takeover(w), Context::without_takeover(w)])
}

fn configs() -> impl Iterator<Item = Config> {
    contexts().flat_map(|own| contexts().map(move |peer| Config::new().own(own).peer(peer)))
}

/// Every offer that can be written.
fn offers() -> Vec<String> {
    let mut all = Vec::new();
    let server: Vec<_> = windows()
        .map(|w| format!("; server_max_window_bits={w}"))
        .chain([String::new()])
        .collect();
    let client: Vec<_> = windows()
        .map(|w| format!("; client_max_window_bits={w}"))
        .chain([String::new(), "; client_max_window_bits".into()])
        .collect();
    for a in ["", "; server_no_context_takeover"] {
        for b in ["", "; client_no_context_takeover"] {
            for c in &server {
                for d in &client {
                    all.push(format!("{NAME}{a}{b}{c}{d}"));
                }
            }
        }
    }
    all
}

#[test]
fn window_bits_are_8_to_15() {
    assert_eq!(
        windows().map(WindowBits::get).collect::<Vec<_>>(),
        (8..=15).collect::<Vec<_>>()
    );
    assert_eq!(WindowBits::MIN.bytes(), 256);
    assert_eq!(WindowBits::MAX.bytes(), 32_768);
    assert_eq!(WindowBits::default(), WindowBits::MAX);
}

#[test]
//= https://www.rfc-editor.org/rfc/rfc7692#section-7
//= type=test
//# The negotiation offer contains an extension parameter with an invalid value.
fn values_that_are_not_window_sizes_decline_the_offer() {
    let values = [
        "7",
        "16",
        "0",
        "015",
        "08",
        "99999999999",
        "",
        "-1",
        "+9",
        "8.0",
        " 8",
        "8 ",
        "1",
        "a",
        "\"",
        "\"\"",
        "\"8",
        "\"16\"",
        "0x9",
        "９",
    ];
    for name in ["server_max_window_bits", "client_max_window_bits"] {
        for value in values {
            assert_eq!(
                Offer::parse([(name, Some(value))]),
                Err(ParameterError::InvalidValue),
                "{name}={value}",
            );
        }
        for bits in windows() {
            for value in [bits.to_string(), format!("\"{bits}\"")] {
                assert!(
                    Offer::parse([(name, Some(value.as_str()))]).is_ok(),
                    "{name}={value}"
                );
            }
        }
    }
    assert_eq!(
        offer("; server_max_window_bits"),
        Err(ParameterError::InvalidValue)
    );
    for name in ["server_no_context_takeover", "client_no_context_takeover"] {
        for value in ["", "1", "true"] {
            assert_eq!(
                Offer::parse([(name, Some(value))]),
                Err(ParameterError::InvalidValue)
            );
        }
    }
}

#[test]
//= https://www.rfc-editor.org/rfc/rfc7692#section-7
//= type=test
//# The negotiation offer contains multiple extension parameters with the same name.
fn a_parameter_twice_declines_the_offer() {
    for parameter in [
        "; server_no_context_takeover",
        "; client_no_context_takeover",
        "; server_max_window_bits=10",
        "; client_max_window_bits=10",
        "; client_max_window_bits",
    ] {
        assert!(offer(parameter).is_ok());
        assert_eq!(
            offer(&parameter.repeat(2)),
            Err(ParameterError::Duplicate),
            "{parameter}"
        );
    }
    assert_eq!(
        offer("; client_max_window_bits; client_max_window_bits=10"),
        Err(ParameterError::Duplicate),
    );
}

#[test]
//= https://www.rfc-editor.org/rfc/rfc7692#section-7
//= type=test
//# The negotiation offer contains an extension parameter not defined for use in an offer.
//= https://www.rfc-editor.org/rfc/rfc6455#section-9.1
//= type=test
//# The parameters supplied with any given extension MUST be defined for that extension.
fn an_unknown_parameter_declines_the_offer() {
    for name in [
        "",
        "x",
        "server_max_window_bit",
        "SERVER_NO_CONTEXT_TAKEOVER",
        NAME,
    ] {
        assert_eq!(
            Offer::parse([(name, NO_VALUE)]),
            Err(ParameterError::Unknown),
            "{name}"
        );
    }
}

#[test]
fn what_is_written_reads_back() {
    for element in offers() {
        let offer = Offer::parse(pairs(&element)).unwrap();
        assert_eq!(offer.to_string(), element);
    }
    for config in configs() {
        let offer = Offer::new(&config);
        assert_eq!(Offer::parse(pairs(&offer.to_string())), Ok(offer));
    }
}

//= https://www.rfc-editor.org/rfc/rfc6455#section-9
//= type=test
//# A server MUST NOT respond with any extension not requested by the client.
//= https://www.rfc-editor.org/rfc/rfc6455#section-9
//= type=test
//# If extension parameters are included in negotiations between the client and the server, those
//# parameters MUST be chosen in accordance with the specification of the extension to which the
//# parameters apply.
//= https://www.rfc-editor.org/rfc/rfc7692#section-7.1.1.1
//= type=test
//# It is RECOMMENDED that a server supports the "server_no_context_takeover" extension parameter in
//# an extension negotiation offer.
/// All 360 offers against all 256 configurations.
#[test]
fn every_answer_keeps_to_the_offer_and_to_the_configuration() {
    for element in offers() {
        let parameters = pairs(&element);
        let value = |name| parameters.iter().find(|(n, _)| *n == name).map(|(_, v)| *v);
        let bits = |name| value(name).flatten().map(|v| v.parse::<u8>().unwrap());
        let offer = Offer::parse(parameters.clone()).unwrap();
        for own in contexts() {
            for peer in contexts() {
                let agreed = offer.negotiate(&Config::new().own(own).peer(peer));
                let written = agreed.to_string();
                let answer = pairs(&written);
                let said = |name| answer.iter().find(|(n, _)| *n == name).map(|(_, v)| *v);
                let server = agreed.server();
                let client = agreed.client();

                //= https://www.rfc-editor.org/rfc/rfc7692#section-7.1.1.1
                //= type=test
                //# A server accepts an extension negotiation offer that includes the
                //# "server_no_context_takeover" extension parameter by including the
                //# "server_no_context_takeover" extension parameter in the corresponding
                //# extension negotiation response to send back to the client.
                let fresh = value("server_no_context_takeover").is_some() || !own.is_taken_over();
                assert_eq!(server.is_taken_over(), !fresh);
                assert_eq!(said("server_no_context_takeover").is_some(), fresh);
                let fresh = value("client_no_context_takeover").is_some() || !peer.is_taken_over();
                assert_eq!(client.is_taken_over(), !fresh);
                assert_eq!(said("client_no_context_takeover").is_some(), fresh);

                //= https://www.rfc-editor.org/rfc/rfc7692#section-7.1.2.1
                //= type=test
                //# with the same or smaller value as the offer
                let most = bits("server_max_window_bits").unwrap_or(15);
                assert_eq!(
                    server.window_bits().get(),
                    most.min(own.window_bits().get())
                );
                if value("server_max_window_bits").is_some() {
                    assert!(said("server_max_window_bits").is_some());
                }

                //= https://www.rfc-editor.org/rfc/rfc7692#section-7.1.2.2
                //= type=test
                //# If a received extension negotiation offer doesn't have the
                //# "client_max_window_bits" extension parameter, the corresponding extension
                //# negotiation response to the offer MUST NOT include the
                //# "client_max_window_bits" extension parameter.
                if value("client_max_window_bits").is_none() {
                    assert_eq!(said("client_max_window_bits"), None);
                    assert_eq!(client.window_bits(), WindowBits::MAX);
                } else {
                    let most = bits("client_max_window_bits").unwrap_or(15);
                    assert_eq!(
                        client.window_bits().get(),
                        most.min(peer.window_bits().get())
                    );
                    assert_ne!(said("client_max_window_bits"), Some(None));
                }

                // The client that made the offer comes to the same.
                let verified = offer.verify(answer).unwrap();
                assert_eq!((verified.server(), verified.client()), (server, client));
            }
        }
    }
}

#[test]
fn defaults_are_small_and_forget() {
    let offer = Offer::new(&Config::default());
    assert_eq!(
        offer.to_string(),
        "permessage-deflate; server_no_context_takeover; client_no_context_takeover; \
         client_max_window_bits=12",
    );
    let agreed = Offer::parse([("client_max_window_bits", NO_VALUE)]).unwrap();
    let agreed = agreed.negotiate(&Config::new());
    assert_eq!(agreed.server(), Config::DEFAULT_OWN);
    assert_eq!(agreed.client(), Config::DEFAULT_PEER);
    assert_eq!(
        agreed.to_string(),
        "permessage-deflate; server_no_context_takeover; client_no_context_takeover; \
         server_max_window_bits=12",
    );
}

fn verify(config: &Config, response: &[Pair<'_>]) -> Result<Agreed, ParameterError> {
    Offer::new(config).verify(response.iter().copied())
}

#[test]
//= https://www.rfc-editor.org/rfc/rfc7692#section-7
//= type=test
//# A client MUST _Fail the WebSocket Connection_ if the peer server accepted an extension
//# negotiation offer for this extension with an extension negotiation response meeting any
//# of the following conditions
//= https://www.rfc-editor.org/rfc/rfc7692#section-5
//= type=test
//# If a server gives an invalid response, such as accepting a PMCE that the client did not offer,
//# the client MUST _Fail the WebSocket Connection_.
fn a_client_refuses_what_it_did_not_ask_for() {
    use ParameterError::{Duplicate, InvalidValue, NotHonored, NotOffered, Unknown};
    let ten = WindowBits::new(10).unwrap();
    let all = Context::with_takeover(WindowBits::MAX);
    let anything = Config::new().own(all).peer(all);

    assert!(verify(&anything, &[]).is_ok());
    assert_eq!(verify(&anything, &[("x", None)]), Err(Unknown));
    assert_eq!(
        verify(&anything, &[("client_max_window_bits", None)]),
        Err(InvalidValue)
    );
    assert_eq!(
        verify(&anything, &[("client_max_window_bits", Some("7"))]),
        Err(InvalidValue)
    );
    let twice = [("server_no_context_takeover", None); 2];
    assert_eq!(verify(&anything, &twice), Err(Duplicate));

    // A server may limit itself and the client without being asked.
    let limits = [
        ("server_no_context_takeover", None),
        ("client_no_context_takeover", None),
        ("server_max_window_bits", Some("9")),
        ("client_max_window_bits", Some("8")),
    ];
    let agreed = verify(&anything, &limits).unwrap();
    assert_eq!(
        agreed.server(),
        Context::without_takeover(WindowBits::new(9).unwrap())
    );
    assert_eq!(agreed.client(), Context::without_takeover(WindowBits::MIN));

    // What the client asked for must be in the response.
    let forget = Config::new()
        .own(all)
        .peer(Context::without_takeover(WindowBits::MAX));
    assert_eq!(verify(&forget, &[]), Err(NotHonored));
    let small = Config::new().own(all).peer(Context::with_takeover(ten));
    assert_eq!(verify(&small, &[]), Err(NotHonored));
    assert_eq!(
        verify(&small, &[("server_max_window_bits", Some("11"))]),
        Err(NotHonored)
    );
    assert!(verify(&small, &[("server_max_window_bits", Some("10"))]).is_ok());

    // What it promised holds without an answer, and no answer may be larger.
    let modest = Config::new().own(Context::without_takeover(ten)).peer(all);
    assert_eq!(
        verify(&modest, &[]).unwrap().client(),
        Context::without_takeover(ten)
    );
    assert_eq!(
        verify(&modest, &[("client_max_window_bits", Some("11"))]),
        Err(NotHonored)
    );

    // An offer of another library may not allow the limit.
    let plain = Offer::parse(Vec::<Pair<'_>>::new()).unwrap();
    assert_eq!(
        plain.verify([("client_max_window_bits", Some("15"))]),
        Err(NotOffered)
    );
}

#[test]
fn errors_say_what_is_wrong() {
    let all = [
        ParameterError::Duplicate,
        ParameterError::InvalidValue,
        ParameterError::NotHonored,
        ParameterError::NotOffered,
        ParameterError::Unknown,
    ];
    let texts: std::collections::HashSet<_> = all.iter().map(ToString::to_string).collect();
    assert_eq!(texts.len(), all.len());
}
