//! TLS, end to end with worker processes: who is let in, who is not, and what each is told.

#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

extern crate taskreel_runtime as taskreel;

use std::path::Path;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, date_time_ymd};
use taskreel::{Client, ClientOptions, Cluster, Credentials, Operator, Tls, WorkerOptions, task};
use tempfile::TempDir;

#[task]
fn block(bytes: usize) -> String {
    "x".repeat(bytes)
}

#[task]
fn joined(a: &str, b: &str) -> usize {
    a.len() + b.len()
}

#[test]
fn worker_process() {
    taskreel::init();
}

/// Certificates of two authorities, as files.
struct Certificates {
    folder: TempDir,
}

impl Certificates {
    fn new() -> Self {
        let certificates = Self { folder: tempfile::tempdir().unwrap() };
        for authority in ["ours", "theirs"] {
            certificates.make(authority);
        }
        certificates
    }

    fn make(&self, authority: &str) {
        let folder = self.folder.path();
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new([]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let cert = params.self_signed(&key).unwrap();
        std::fs::write(folder.join(format!("{authority}-ca.pem")), cert.pem()).unwrap();
        let issuer = Issuer::new(params, key);
        let write = |name: &str, params: CertificateParams| {
            let key = KeyPair::generate().unwrap();
            let cert = params.signed_by(&key, &issuer).unwrap();
            let file = |kind: &str| folder.join(format!("{authority}-{name}.{kind}"));
            std::fs::write(file("pem"), cert.pem()).unwrap();
            std::fs::write(file("key"), key.serialize_pem()).unwrap();
        };
        write("cert", CertificateParams::new(["anything".to_owned()]).unwrap());
        let mut old = CertificateParams::new(["anything".to_owned()]).unwrap();
        (old.not_before, old.not_after) = (date_time_ymd(2001, 1, 1), date_time_ymd(2002, 1, 1));
        write("old", old);
    }

    /// A certificate, and whom whoever has it trusts.
    fn load(&self, name: &str, authority: &str) -> Tls {
        let file = |name: String| self.folder.path().join(name);
        let (cert, key) = (file(format!("{name}.pem")), file(format!("{name}.key")));
        Tls::load(cert, key, file(format!("{authority}-ca.pem"))).unwrap()
    }

    fn ours(&self) -> Tls {
        self.load("ours-cert", "ours")
    }
}

fn refused(address: &str, tls: Option<Tls>) -> String {
    let options = ClientOptions { token: Some("key".to_owned()), tls, ..ClientOptions::default() };
    Client::connect(address, &options).unwrap_err().to_string()
}

#[test]
fn worker_processes_and_clients_speak_tls_with_one_another() {
    let certificates = Certificates::new();
    let program = std::env::current_exe().unwrap();
    let cluster = Cluster::local()
        .workers(2)
        .threads(1)
        .processes(true)
        .worker_command(program, &["--exact", "worker_process", "--nocapture"])
        .listen("127.0.0.1:0")
        .token("key")
        .tls(certificates.ours())
        .no_record()
        .start()
        .unwrap();
    let options = ClientOptions {
        token: Some("key".to_owned()),
        tls: Some(certificates.ours()),
        ..ClientOptions::default()
    };
    let client = Client::connect(cluster.address().unwrap(), &options).unwrap();
    // From worker to worker and to the client: long ones, and many in a message.
    let sizes = [9_usize << 20, 1 << 20];
    let made = |index: usize| block(sizes[index]).workers([format!("worker-{index}")]);
    let blocks = [client.submit(made(0)), client.submit(made(1))];
    let both = client.submit(joined(&blocks[0], &blocks[1]));
    assert_eq!(both.wait().unwrap(), sizes.iter().sum::<usize>());
    assert_eq!(blocks[0].wait().unwrap().len(), sizes[0]);
    let many = client.map(0..3000_usize, block);
    let lens: Vec<usize> = client.gather(&many).unwrap().iter().map(String::len).collect();
    assert_eq!(lens, (0..3000).collect::<Vec<usize>>());

    let credentials = Credentials::new(Some("key"), Some(certificates.ours()));
    let operator = Operator::new(cluster.address().unwrap(), credentials);
    assert_eq!(operator.status().unwrap().workers.len(), 2);
    // A certificate alone does not do.
    let credentials = Credentials::new(None, Some(certificates.ours()));
    let error = Operator::new(cluster.address().unwrap(), credentials).status().unwrap_err();
    assert!(error.to_string().contains("token"), "{error}");
}

#[test]
fn whoever_does_not_belong_is_told_why() {
    let certificates = Certificates::new();
    let builder = || Cluster::local().workers(1).listen("127.0.0.1:0").token("key").no_record();
    let cluster = builder().tls(certificates.ours()).start().unwrap();
    let address = cluster.address().unwrap();
    let cases = [
        (None, "TLS and a certificate of this cluster are needed"),
        (Some(certificates.load("theirs-cert", "theirs")), "not signed by the authority"),
        (Some(certificates.load("theirs-cert", "ours")), "refuses our certificate: its authority"),
        (Some(certificates.load("ours-old", "ours")), "refuses our certificate: it has expired"),
    ];
    for (tls, reason) in cases {
        let error = refused(address, tls);
        assert!(error.contains(reason), "{error}: not {reason}");
    }
    // Patience is for schedulers that are not there, not for those that refuse.
    let options = WorkerOptions {
        token: Some("key".to_owned()),
        tls: Some(certificates.load("theirs-cert", "theirs")),
        reconnect: std::time::Duration::from_secs(600),
        ..WorkerOptions::new(address)
    };
    let error = taskreel::run_worker(&options).unwrap_err().to_string();
    assert!(error.contains("not signed by the authority"), "{error}");

    let plain = builder().start().unwrap();
    let error = refused(plain.address().unwrap(), Some(certificates.ours()));
    assert!(error.contains("the other end speaks no TLS"), "{error}");
    let old = builder().tls(certificates.load("ours-old", "ours")).start().unwrap();
    let error = refused(old.address().unwrap(), Some(certificates.ours()));
    assert!(error.contains("certificate of the other end has expired"), "{error}");
}

#[test]
fn files_that_do_not_serve_are_named() {
    let certificates = Certificates::new();
    let file = |name: &str| certificates.folder.path().join(name);
    let error = |cert: &Path, key: &Path, ca: &Path| {
        Tls::load(cert, key, ca).map(drop).unwrap_err().to_string()
    };
    let (cert, key, ca) = (file("ours-cert.pem"), file("ours-cert.key"), file("ours-ca.pem"));
    let missing = error(&cert, &file("nothing"), &ca);
    assert!(missing.contains("nothing: no private key in it"), "{missing}");
    let swapped = error(&key, &cert, &ca);
    assert!(swapped.contains("ours-cert.key: no certificate in it"), "{swapped}");
    let foreign = error(&cert, &file("ours-old.key"), &ca);
    assert!(foreign.contains("do not go together"), "{foreign}");
}
