//! Tests of the whole room: text in, site or mistakes out.

mod loads;
mod reference;
