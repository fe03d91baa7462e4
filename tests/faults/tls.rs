//! The end of TLS before the proxy: what comes encrypted from the gateway goes on in the clear, and ends as the far side of
//! the proxy ends.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::ServerConfig;
use rustls_pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

/// The name in the certificate.
pub(crate) const NAME: &str = "localhost";

/// Ends TLS before `plain`, with a certificate of its own that it writes to `folder`. Says where it listens, and where the
/// certificate lies.
pub(crate) async fn end(plain: SocketAddr, folder: &Path) -> (SocketAddr, PathBuf) {
    let certified = rcgen::generate_simple_self_signed([NAME.to_owned()]).expect("a certificate");
    let file = folder.join("device.pem");
    std::fs::write(&file, certified.cert.pem()).expect("a file");
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(certified.signing_key.serialize_der()));
    let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions of TLS")
        .with_no_client_auth()
        .with_single_cert(vec![certified.cert.der().clone()], key)
        .expect("a certificate and its key");
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(pass(acceptor.clone(), stream, plain));
        }
    });
    (address, file)
}

/// Passes on until one end has had enough.
async fn pass(acceptor: TlsAcceptor, stream: TcpStream, plain: SocketAddr) {
    let Ok(mut encrypted) = acceptor.accept(stream).await else { return };
    let Ok(mut plain) = TcpStream::connect(plain).await else { return };
    for stream in [encrypted.get_ref().0, &plain] {
        stream.set_nodelay(true).expect("an option of the socket");
    }
    copy_bidirectional(&mut encrypted, &mut plain).await.ok();
}
