//! The inline tables of a point that name other registers of its device: what scales its number, and what says how far it can
//! be trusted.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::device::{OrderWord, TypeWord};
use crate::site::values::{Doubt, RegisterAt};

/// An entry of `scale_by`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::site) struct RawRatio {
    /// Table and address.
    pub(in crate::site) register: RegisterAt,
    /// How the number is written there. Default: `u16`.
    #[serde(rename = "type")]
    pub(in crate::site) encoding: Option<TypeWord>,
    /// Order of bytes and words. Default: the device's.
    pub(in crate::site) byte_order: Option<OrderWord>,
    /// How it counts.
    #[schemars(extend("default" = RatioWord::Factor))]
    pub(in crate::site) kind: Option<RatioWord>,
    /// What it is multiplied with itself; greater than 0. Default: 1.
    pub(in crate::site) scale: Option<f64>,
}

/// How a ratio counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(in crate::site) enum RatioWord {
    /// The value is multiplied with it, such as with the ratio of a current transformer.
    Factor,
    /// So many decimal places, 0 to 9: 1234 with 2 is 12.34.
    Decimals,
    /// Times 10 to its power, −9 to 9.
    Exponent,
}

/// An entry of `status`: a test of a register, and what a value is worth while it holds. At most one of `is`, `is_not`,
/// `above` and `below`; without any, the test is that the register says something else than 0.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::site) struct RawStatus {
    /// Table and address.
    pub(in crate::site) register: RegisterAt,
    /// How the number is written there. Default: `bit` in coils and discrete inputs and where `bit` is said, else `u16`.
    #[serde(rename = "type")]
    pub(in crate::site) encoding: Option<TypeWord>,
    /// Which bit of a register, 0 the least significant.
    #[schemars(range(min = 0, max = 15))]
    pub(in crate::site) bit: Option<u8>,
    /// Order of bytes and words. Default: the device's.
    pub(in crate::site) byte_order: Option<OrderWord>,
    /// It says one of these numbers.
    pub(in crate::site) is: Option<Vec<f64>>,
    /// It says none of these numbers.
    pub(in crate::site) is_not: Option<Vec<f64>>,
    /// It says more than this.
    pub(in crate::site) above: Option<f64>,
    /// It says less than this.
    pub(in crate::site) below: Option<f64>,
    /// What the value is worth then: `uncertain` or `bad`, and why, such as `uncertain:maintenance`, `bad:sensor_fault` or
    /// `bad:stale`. The worst that is said of a value holds; a register that could not be read leaves it `uncertain:comm`.
    pub(in crate::site) quality: Doubt,
}
