//! Secrets: fetched from where the file says, and never shown.

use std::fs;

use super::{BASE, edited, mistakes, site, variables};
use crate::site::{ForwarderKind, Secret, load};

fn password(site: &crate::site::Site) -> Option<&str> {
    match &site.forwarders.first()?.kind {
        ForwarderKind::Mqtt(target) => target.brokers[0].password.as_ref().map(Secret::expose),
        ForwarderKind::Influx(target) => target.token.as_ref().map(Secret::expose),
    }
}

#[test]
fn a_secret_comes_from_a_variable_or_a_file() {
    assert_eq!(password(&site(BASE)), Some("hunter2"));
    let directory = tempfile::tempdir().expect("a directory");
    fs::write(directory.path().join("pw"), " s3cret \n").expect("file");
    let path = directory.path().join("site.toml");
    fs::write(&path, edited(&[("{ env = \"PW\" }", "{ file = \"pw\" }")])).expect("file");
    let site = load(&path, &variables()).unwrap_or_else(|mistakes| panic!("{mistakes}"));
    assert_eq!(password(&site), Some("s3cret"));
}

#[test]
fn p8_a_secret_that_is_missing_empty_or_ambiguous_is_a_mistake() {
    for (secret, words) in [
        ("{ env = \"NO_SUCH\" }", "`NO_SUCH` is not set"),
        ("{ env = \"EMPTY\" }", "`EMPTY` is empty"),
        ("{ }", "neither `env` nor `file`"),
        ("{ env = \"PW\", file = \"pw\" }", "both `env` and `file`"),
        ("{ envv = \"PW\" }", "did you mean `env`"),
    ] {
        let text = edited(&[("{ env = \"PW\" }", secret)]);
        let mut env = variables();
        env.insert("EMPTY".to_owned(), String::new());
        let found = crate::site::parse("site.toml", &text, &env).expect_err("no secret").to_string();
        assert!(found.contains(words), "{found}");
    }
    let text = edited(&[("username = \"gw1\"\n", "")]);
    assert!(mistakes(&text).to_string().contains("a password without a user name"));
}

/// Ways to write a secret in plain, and to make a mistake on its line or near it.
const PLAIN: [&str; 8] = [
    "password = \"TOPSECRET\"",
    "pasword = \"TOPSECRET\"",
    "Password = 'TOPSECRET'",
    "password = \"\"\"\nTOPSECRET\"\"\"",
    "password = \"TOPSECRET",
    "password = TOPSECRET",
    "token = \"TOPSECRET\"",
    "password = { env = \"PW\" }\nurl = \"mqtt://gw1:TOPSECRET@10.0.0.9:1883\"",
];

#[test]
fn p8_secrets_written_in_plain_are_refused_and_never_shown() {
    for plain in PLAIN {
        let text = edited(&[("password = { env = \"PW\" }", plain)]);
        let found = mistakes(&text);
        for shown in
            [found.to_string(), found.render(true), format!("{found:?}"), found.to_json().to_string()]
        {
            assert!(!shown.contains("TOPSECRET"), "{plain}:\n{shown}");
        }
    }
    let text = edited(&[("{ env = \"PW\" }", "\"TOPSECRET\"")]);
    assert!(mistakes(&text).to_string().contains("write { env = \"NAME\" } or { file = \"path\" }"));
}

#[test]
fn a_site_does_not_show_its_secrets() {
    assert!(!format!("{:?}", site(BASE)).contains("hunter2"));
}
