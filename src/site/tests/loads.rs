//! Files that are right.

use std::collections::BTreeMap;
use std::path::Path;

use crate::site::{Site, load};

fn demo() -> Site {
    load(Path::new("config/demo.toml"), &BTreeMap::new()).unwrap_or_else(|mistakes| panic!("{mistakes}"))
}

#[test]
fn the_demonstration_site_loads() {
    let site = demo();
    assert_eq!(site.hazards.len(), 4);
    assert!(site.devices.len() >= 11, "{} devices", site.devices.len());
    assert!(site.points.len() >= 90, "{} points", site.points.len());
}
