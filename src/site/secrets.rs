//! Fetches secrets from where a site file says that they are.

use std::path::Path;

use super::env::Environment;
use super::files;
use super::raw::RawSecret;
use super::secret::Secret;
use super::source::{Findings, Place};

/// Where secrets are looked for.
pub(super) struct Vault<'a> {
    /// Variables.
    pub(super) env: &'a dyn Environment,
    /// The directory that files are relative to; none for a site that has no file.
    pub(super) base: Option<&'a Path>,
}

impl Vault<'_> {
    /// The secret that stands where `raw` says; none, and a mistake at `place`, if it does not. The mistake
    /// names the variable or file and never what it holds.
    pub(super) fn fetch(&self, raw: &RawSecret, place: Place, findings: &mut Findings) -> Option<Secret> {
        const HINT: &str = "write { env = \"NAME\" } or { file = \"path\" }";
        let fetched = match (&raw.env, &raw.file) {
            (Some(name), None) => self.variable(name),
            (None, Some(path)) => self.file(path),
            (None, None) => Err("this secret says neither `env` nor `file`".to_owned()),
            (Some(_), Some(_)) => Err("this secret says both `env` and `file`".to_owned()),
        };
        match fetched {
            Ok(secret) => Some(secret),
            Err(message) => {
                findings.add(place, message).hint(HINT);
                None
            }
        }
    }

    fn variable(&self, name: &str) -> Result<Secret, String> {
        match self.env.variable(name) {
            None => Err(format!("environment variable `{name}` is not set")),
            Some(text) if text.is_empty() => Err(format!("environment variable `{name}` is empty")),
            Some(text) => Ok(Secret::new(text)),
        }
    }

    fn file(&self, path: &str) -> Result<Secret, String> {
        let base = self.base.ok_or_else(|| format!("the built-in site can't read `{path}`"))?;
        let text = files::read(&base.join(path)).map_err(|error| format!("secret file `{path}`: {error}"))?;
        match text.trim() {
            "" => Err(format!("secret file `{path}` is empty")),
            text => Ok(Secret::new(text)),
        }
    }
}
