//! What a reader must know of the machine and of the programs.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::stage::Stage;

/// Names and values.
pub fn about(stage: &Stage, rounds: u32, seconds: u32) -> Vec<(&'static str, String)> {
    let known = |value: Option<String>| value.unwrap_or_else(|| "unknown".to_owned());
    let present = |value: Option<String>| value.unwrap_or_else(|| "not there".to_owned());
    let binaries = stage.binaries();
    let cores = std::thread::available_parallelism().ok().map(|cores| cores.to_string());
    let haproxy = binaries.haproxy.as_deref().and_then(|program| version(program, "-v"));
    let proxysql = binaries.proxysql.as_deref().and_then(|program| version(program, "--version"));
    vec![
        ("CPU", known(cpu_model())),
        ("cores", known(cores)),
        ("kernel", known(first_line("/proc/sys/kernel/osrelease"))),
        ("load average before", known(first_line("/proc/loadavg"))),
        ("MariaDB", stage.server_version().to_owned()),
        ("sysbench", known(version(Path::new("sysbench"), "--version"))),
        ("HAProxy", present(haproxy)),
        ("ProxySQL", present(proxysql)),
        ("Sealock", present(version(&binaries.sealock, "--version"))),
        ("worker threads", stage.threads().to_string()),
        ("rounds", format!("{rounds} of {seconds} s")),
        ("arguments", std::env::args().skip(1).collect::<Vec<_>>().join(" ")),
    ]
}

/// The first line that a program says about its version; none where it does not run.
fn version(program: &Path, flag: &str) -> Option<String> {
    let output = Command::new(program).arg(flag).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    text.lines().next().map(str::to_owned)
}

fn cpu_model() -> Option<String> {
    let text = fs::read_to_string("/proc/cpuinfo").ok()?;
    let line = text.lines().find(|line| line.starts_with("model name"))?;
    line.split_once(": ").map(|(_, model)| model.to_owned())
}

fn first_line(file: &str) -> Option<String> {
    fs::read_to_string(file).ok().and_then(|text| text.lines().next().map(str::to_owned))
}
