//! Two hosts whose containers stand behind published ports and a translation of addresses. Needs root, by
//! itself or by `sudo` without a password.

use std::process::Command;

use tests::process::binary;
use tests::repository;

fn two_hosts(who_is_told: &str) {
    let script = repository().join("tests/namespaces/two-hosts");
    let is_root = Command::new("id").arg("-u").output().unwrap().stdout == b"0\n";
    let mut command = if is_root { Command::new(script) } else { sudo(&script) };
    let output = command.arg(binary("p2pfaas-discovery")).arg(who_is_told).output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&said));
}

fn sudo(script: &std::path::Path) -> Command {
    let mut command = Command::new("sudo");
    command.arg("--non-interactive").arg(script);
    command
}

#[test]
fn two_hosts_that_know_each_others_address_find_each_other() {
    two_hosts("both");
}

#[test]
fn a_host_that_is_told_nothing_is_found_by_the_other() {
    two_hosts("one");
}
