//! Encrypted connections: from the PEM files that a site file names to a configuration of rustls, for whoever connects as a
//! client. The check of the site file and the links and forwarders call the same function, so that what was found good
//! is what is used; files are read anew at each start of a link, so that a renewed certificate needs no other restart.

use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rumqttc::{TlsConfiguration, Transport};
use rustls::client::WantsClientCert;
use rustls::{ClientConfig, ConfigBuilder, Error, InconsistentKeys, RootCertStore};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName};

use crate::model::Text;
use crate::model::limits::TLS_FILE_BYTES_MAX;
use crate::words;

/// How to encrypt a connection, and whom to trust on it.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct TlsOptions {
    /// PEM file of the certificates that vouch for the far end; without it, those that the operating system trusts.
    pub ca: Option<PathBuf>,
    /// PEM file of our own certificate and those between it and its authority, our own first; only together with `key`.
    pub certificate: Option<PathBuf>,
    /// PEM file of the certificate's private key.
    pub key: Option<PathBuf>,
    /// The name that the far end's certificate must hold, where it is not the host that is connected to.
    pub server_name: Option<String>,
}

/// One of the things that [`TlsOptions`] name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Item {
    /// `ca`.
    Ca,
    /// `certificate`.
    Certificate,
    /// `key`.
    Key,
    /// `server_name`.
    ServerName,
}

impl Item {
    /// Its key in a site file.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ca => "ca",
            Self::Certificate => "certificate",
            Self::Key => "key",
            Self::ServerName => "server_name",
        }
    }
}

/// Why there can be no encrypted connection with these options. It never holds what stands in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsError {
    /// What is wrong.
    pub item: Item,
    /// Why, in words.
    pub reason: String,
}

impl fmt::Display for TlsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)
    }
}

impl std::error::Error for TlsError {}

/// A client's configuration, TLS 1.2 and 1.3. Reads the files.
pub fn client(options: &TlsOptions) -> Result<Arc<ClientConfig>, TlsError> {
    let trusted = match &options.ca {
        Some(path) => authorities(path)?,
        None => system_authorities()?,
    };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let versions = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let builder = versions.expect("ring speaks both versions").with_root_certificates(trusted);
    let config = match (&options.certificate, &options.key) {
        (Some(certificate), Some(key)) => with_certificate(builder, certificate, key)?,
        (None, None) => builder.with_no_client_auth(),
        (Some(_), None) => return Err(wrong(Item::Certificate, "a certificate without its key")),
        (None, Some(_)) => return Err(wrong(Item::Key, "a key without its certificate")),
    };
    Ok(Arc::new(config))
}

/// The same for a client of MQTT. The files are read in the background.
pub async fn mqtt(options: TlsOptions) -> std::io::Result<Transport> {
    let config = tokio::task::spawn_blocking(move || client(&options)).await?;
    let config = config.map_err(|error| {
        let why = Text::same(error.reason);
        words::own_error(Text::new("证书文件无法使用", "the certificate files can't be used").because(&why))
    })?;
    Ok(Transport::tls_with_config(TlsConfiguration::Rustls(config)))
}

/// The name that the certificate of `host` must hold.
pub fn server_name(options: &TlsOptions, host: &str) -> Result<ServerName<'static>, TlsError> {
    let name = options.server_name.as_deref().unwrap_or(host);
    // An IPv6 address stands in brackets before its port.
    let name = name.trim_start_matches('[').trim_end_matches(']');
    ServerName::try_from(name.to_owned())
        .map_err(|_| wrong(Item::ServerName, format!("`{name}` can't be the name in a certificate")))
}

fn authorities(path: &Path) -> Result<RootCertStore, TlsError> {
    let mut store = RootCertStore::empty();
    for certificate in certificates(Item::Ca, path)? {
        let refused = |error| wrong(Item::Ca, format!("`{}`: {error}", path.display()));
        store.add(certificate).map_err(refused)?;
    }
    Ok(store)
}

/// What the operating system trusts; what of it can't be used is left out, as every program does.
fn system_authorities() -> Result<RootCertStore, TlsError> {
    let mut store = RootCertStore::empty();
    let (added, _) = store.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if added == 0 {
        return Err(wrong(Item::Ca, "the operating system trusts no authority, and no `ca` is named"));
    }
    Ok(store)
}

fn with_certificate(
    builder: ConfigBuilder<ClientConfig, WantsClientCert>,
    certificate: &Path,
    key: &Path,
) -> Result<ClientConfig, TlsError> {
    let chain = certificates(Item::Certificate, certificate)?;
    let secret = private_key(key)?;
    builder.with_client_auth_cert(chain, secret).map_err(|error| match error {
        Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => {
            wrong(Item::Key, format!("`{}` is not the key of `{}`", key.display(), certificate.display()))
        }
        Error::InvalidCertificate(error) => {
            wrong(Item::Certificate, format!("`{}`: {error}", certificate.display()))
        }
        error => wrong(Item::Key, format!("`{}` can't be used: {error}", key.display())),
    })
}

/// The certificates of a file, at least one.
fn certificates(item: Item, path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let bytes = read(item, path)?;
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&bytes).collect();
    match certificates {
        Ok(certificates) if certificates.is_empty() => {
            Err(wrong(item, format!("`{}` holds no certificate in PEM form", path.display())))
        }
        Ok(certificates) => Ok(certificates),
        Err(_) => Err(wrong(item, format!("`{}` is a damaged PEM file", path.display()))),
    }
}

fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    let bytes = read(Item::Key, path)?;
    PrivateKeyDer::from_pem_slice(&bytes).map_err(|error| {
        let what = match error {
            rustls_pki_types::pem::Error::NoItemsFound => {
                "holds no private key in PEM form; one under a passphrase can't be used"
            }
            _ => "is a damaged PEM file",
        };
        wrong(Item::Key, format!("`{}` {what}", path.display()))
    })
}

fn read(item: Item, path: &Path) -> Result<Vec<u8>, TlsError> {
    let refused = |why: &dyn fmt::Display| wrong(item, format!("can't read `{}`: {why}", path.display()));
    let file = File::open(path).map_err(|error| refused(&in_words(&error)))?;
    let mut bytes = Vec::new();
    let read = file.take(TLS_FILE_BYTES_MAX + 1).read_to_end(&mut bytes);
    read.map_err(|error| refused(&in_words(&error)))?;
    if bytes.len() as u64 > TLS_FILE_BYTES_MAX {
        return Err(refused(&format_args!("it is larger than {} kB", TLS_FILE_BYTES_MAX / 1024)));
    }
    Ok(bytes)
}

fn in_words(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::NotFound => "there is no such file".to_owned(),
        std::io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        std::io::ErrorKind::IsADirectory => "it is a directory".to_owned(),
        _ => error.to_string(),
    }
}

fn wrong(item: Item, reason: impl Into<String>) -> TlsError {
    TlsError { item, reason: reason.into() }
}

#[cfg(test)]
pub(crate) mod testing {
    //! Certificates made for a test, in files.

    use std::path::{Path, PathBuf};
    use std::sync::Arc;

    use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
    use rustls::ServerConfig;
    use rustls::server::WebPkiClientVerifier;
    use rustls_pki_types::pem::PemObject;
    use rustls_pki_types::{CertificateDer, PrivateKeyDer};
    use tempfile::TempDir;
    use tokio_rustls::TlsAcceptor;

    use super::TlsOptions;

    /// An authority that is made up for a test, and a directory for what it signs.
    pub(crate) struct Authority {
        issuer: Issuer<'static, KeyPair>,
        directory: TempDir,
    }

    impl Authority {
        /// A new one; its own certificate is in `ca.pem`.
        pub(crate) fn new() -> Self {
            let directory = tempfile::tempdir().unwrap();
            let mut params = CertificateParams::new(Vec::new()).unwrap();
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
            let key = KeyPair::generate().unwrap();
            let certificate = params.self_signed(&key).unwrap();
            std::fs::write(directory.path().join("ca.pem"), certificate.pem()).unwrap();
            Self { issuer: Issuer::new(params, key), directory }
        }

        /// Signs a certificate for `name` and puts it and its key into `{name}.pem` and `{name}.key`.
        pub(crate) fn sign(&self, name: &str) {
            let key = KeyPair::generate().unwrap();
            let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
            let certificate = params.signed_by(&key, &self.issuer).unwrap();
            std::fs::write(self.path(&format!("{name}.pem")), certificate.pem()).unwrap();
            std::fs::write(self.path(&format!("{name}.key")), key.serialize_pem()).unwrap();
        }

        /// The server of `localhost`, which lets in those that the authority vouches for.
        pub(crate) fn localhost(&self) -> TlsAcceptor {
            self.sign("localhost");
            let certificate = |file| CertificateDer::from_pem_file(self.path(file)).unwrap();
            let mut roots = rustls::RootCertStore::empty();
            roots.add(certificate("ca.pem")).unwrap();
            let provider = Arc::new(rustls::crypto::ring::default_provider());
            let verifier =
                WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider));
            let key = PrivateKeyDer::from_pem_file(self.path("localhost.key")).unwrap();
            let config = ServerConfig::builder_with_provider(provider)
                .with_safe_default_protocol_versions()
                .unwrap()
                .with_client_cert_verifier(verifier.build().unwrap())
                .with_single_cert(vec![certificate("localhost.pem")], key);
            TlsAcceptor::from(Arc::new(config.unwrap()))
        }

        /// A file of the directory.
        pub(crate) fn path(&self, file: &str) -> PathBuf {
            self.directory.path().join(file)
        }

        /// The directory.
        pub(crate) fn directory(&self) -> &Path {
            self.directory.path()
        }

        /// Trust in this authority alone.
        pub(crate) fn trust(&self) -> TlsOptions {
            TlsOptions { ca: Some(self.path("ca.pem")), ..TlsOptions::default() }
        }

        /// The same, and the certificate of `name` to show.
        pub(crate) fn identity(&self, name: &str) -> TlsOptions {
            self.sign(name);
            let [certificate, key] =
                ["pem", "key"].map(|ending| Some(self.path(&format!("{name}.{ending}"))));
            TlsOptions { certificate, key, ..self.trust() }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::testing::Authority;
    use super::*;

    fn refusal(options: &TlsOptions) -> (Item, String) {
        let error = client(options).unwrap_err();
        (error.item, error.reason)
    }

    #[test]
    fn files_that_fit_make_a_configuration() {
        let authority = Authority::new();
        let config = client(&authority.identity("gw")).unwrap();
        assert!(config.client_auth_cert_resolver.has_certs());
        assert!(!client(&authority.trust()).unwrap().client_auth_cert_resolver.has_certs());
    }

    #[test]
    fn whatever_is_wrong_is_said_with_the_file_that_it_is_in() {
        let authority = Authority::new();
        let good = authority.identity("gw");
        authority.sign("other");
        std::fs::write(authority.path("text.pem"), "no certificate").unwrap();
        let cut = std::fs::read_to_string(authority.path("gw.pem")).unwrap();
        std::fs::write(authority.path("cut.pem"), &cut[..cut.len() / 2]).unwrap();
        std::fs::write(authority.path("large.pem"), vec![b'x'; TLS_FILE_BYTES_MAX as usize + 1]).unwrap();
        let file = |name: &str| Some(authority.path(name));
        let cases = [
            (TlsOptions { ca: file("none.pem"), ..good.clone() }, Item::Ca, "there is no such file"),
            (TlsOptions { ca: file("text.pem"), ..good.clone() }, Item::Ca, "holds no certificate"),
            (TlsOptions { ca: file("large.pem"), ..good.clone() }, Item::Ca, "larger than"),
            (TlsOptions { ca: Some(authority.directory().into()), ..good.clone() }, Item::Ca, "directory"),
            (TlsOptions { certificate: file("cut.pem"), ..good.clone() }, Item::Certificate, "damaged"),
            (TlsOptions { certificate: None, ..good.clone() }, Item::Key, "without its certificate"),
            (TlsOptions { key: None, ..good.clone() }, Item::Certificate, "without its key"),
            (TlsOptions { key: file("gw.pem"), ..good.clone() }, Item::Key, "holds no private key"),
            (TlsOptions { key: file("other.key"), ..good.clone() }, Item::Key, "is not the key of"),
        ];
        for (options, item, words) in cases {
            let (wrong, reason) = refusal(&options);
            assert_eq!(wrong, item, "{reason}");
            assert!(reason.contains(words), "{reason}");
        }
    }

    #[test]
    fn nothing_of_a_key_is_ever_shown() {
        let authority = Authority::new();
        let options = TlsOptions { key: None, ..authority.identity("gw") };
        let key = std::fs::read_to_string(authority.path("gw.key")).unwrap();
        let secret = key.lines().nth(1).unwrap();
        std::fs::write(authority.path("bad.key"), key.replace("END", "EN")).unwrap();
        let (_, reason) = refusal(&TlsOptions { key: Some(authority.path("bad.key")), ..options });
        assert!(!reason.contains(secret), "{reason}");
    }

    #[test]
    fn the_name_in_the_certificate_is_that_of_the_host_unless_another_is_given() {
        let options = TlsOptions::default();
        for host in ["plc.plant", "10.0.0.5", "[::1]"] {
            assert!(server_name(&options, host).is_ok(), "{host}");
        }
        let named = TlsOptions { server_name: Some("plc7".into()), ..options };
        assert_eq!(server_name(&named, "10.0.0.5").unwrap(), ServerName::try_from("plc7").unwrap());
        let wrong = TlsOptions { server_name: Some("a b".into()), ..named };
        assert_eq!(server_name(&wrong, "10.0.0.5").unwrap_err().item, Item::ServerName);
    }
}
