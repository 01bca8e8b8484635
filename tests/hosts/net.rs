//! A network of hosts on this machine: network namespaces with addresses of their own, joined by a
//! bridge in another. Nothing of it is seen outside, and all of it goes with the test.

use std::process::Command;

use crate::support::not_run;

/// The hosts that work; beside them there is `head`.
pub(crate) const HOSTS: [&str; 3] = ["a", "b", "c"];

pub(crate) struct Net {
    /// Begins the names of its namespaces.
    name: String,
}

impl Net {
    /// `None`: this process may not make one, and has said so.
    pub(crate) fn new() -> Option<Self> {
        let net = Self { name: format!("taskreel-{}", std::process::id()) };
        match net.build() {
            Ok(()) => Some(net),
            Err(why) => {
                not_run("hosts in network namespaces", &why);
                None
            }
        }
    }

    fn build(&self) -> Result<(), String> {
        let lab = self.namespace("lab");
        ip(&["netns", "add", &lab])?;
        ip(&["-n", &lab, "link", "add", "bridge", "type", "bridge"])?;
        ip(&["-n", &lab, "link", "set", "bridge", "up"])?;
        for host in HOSTS.into_iter().chain(["head"]) {
            let namespace = self.namespace(host);
            ip(&["netns", "add", &namespace])?;
            let peer = ["peer", "name", "eth0", "netns", &namespace];
            let port = port(host);
            ip(&[&["-n", &lab, "link", "add", &port, "type", "veth"][..], &peer].concat())?;
            ip(&["-n", &lab, "link", "set", &port, "master", "bridge", "up"])?;
            let address = format!("{}/24", self.address(host));
            ip(&["-n", &namespace, "addr", "add", &address, "dev", "eth0"])?;
            ip(&["-n", &namespace, "link", "set", "eth0", "up"])?;
            ip(&["-n", &namespace, "link", "set", "lo", "up"])?;
        }
        Ok(())
    }

    fn namespace(&self, host: &str) -> String {
        format!("{}-{host}", self.name)
    }

    pub(crate) fn address(&self, host: &str) -> String {
        let number = HOSTS.iter().position(|known| *known == host).map_or(1, |index| index + 2);
        format!("10.231.0.{number}")
    }

    /// A command that runs on a host.
    pub(crate) fn command(&self, host: &str, args: &[&str]) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.namespace(host)]).args(args);
        command
    }

    /// Pulls a host's cable.
    pub(crate) fn cut(&self, host: &str) {
        ip(&["-n", &self.namespace("lab"), "link", "set", &port(host), "down"])
            .expect("cut it off");
    }

    /// Puts it back.
    pub(crate) fn mend(&self, host: &str) {
        ip(&["-n", &self.namespace("lab"), "link", "set", &port(host), "up"]).expect("mend it");
    }
}

impl Drop for Net {
    fn drop(&mut self) {
        for host in HOSTS.into_iter().chain(["head", "lab"]) {
            // What was not made needs no removing; interfaces go with their namespaces.
            let _ = ip(&["netns", "del", &self.namespace(host)]);
        }
    }
}

/// The end of a host's cable at the bridge.
fn port(host: &str) -> String {
    format!("port-{host}")
}

fn ip(args: &[&str]) -> Result<(), String> {
    let ran = Command::new("ip").args(args).output().map_err(|e| format!("no `ip`: {e}"))?;
    if ran.status.success() {
        return Ok(());
    }
    Err(format!("ip {}: {}", args.join(" "), String::from_utf8_lossy(&ran.stderr).trim()))
}
