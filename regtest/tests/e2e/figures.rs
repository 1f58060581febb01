//! Every figure of the transparency report with the proof that it names: the commands of the report are run as they stand (F-3).

use std::collections::BTreeSet;

use althing_regtest::story::{Actor, Assembly};
use anyhow::{Context as _, Result, ensure};

use crate::told::ask;

/// Runs each command that the report names, once, and gives how many there were.
pub(crate) fn are_proven(assembly: &Assembly, member: &Actor) -> Result<usize> {
    let path =
        |name: &str| -> Result<String> { assembly.data_dir.join(name).to_str().map(str::to_owned).context("a path") };
    let headers = path("figures.headers")?;
    let (url, cookie) = (assembly.node.rpc_url(), assembly.node.cookie_file());
    let cookie = cookie.to_str().context("a path")?;
    ask(member, &["headers", "export", &headers, "--bitcoind", &url, "--cookie", cookie])?;
    let report = member.cli().run(&["report", "--format", "md"])?;
    let quoted: BTreeSet<&str> = report.stdout.split('`').filter(|text| text.starts_with("althing ")).collect();
    let mut proven = 0;
    for command in &quoted {
        let Some(export) = command.strip_prefix("althing proof export ") else {
            ensure!(*command == "althing audit" || command.starts_with("althing treasury ownership"), "{command}");
            continue;
        };
        let export = export.strip_suffix(" --out FILE && althing verify FILE --headers HEADERS");
        let words: Vec<&str> = export.with_context(|| format!("{command:?} is of another form"))?.split(' ').collect();
        let file = path(&format!("figure-{proven}.althing"))?;
        ask(member, &[&["proof", "export"], &words[..], &["--out", &file]].concat())?;
        let verdict = member.cli().run(&["verify", &file, "--headers", &headers])?;
        ensure!(verdict.code == Some(0), "{command}: {verdict:?}");
        proven += 1;
    }
    let audit = member.cli().run(&["audit", "--bitcoind", &url, "--cookie", cookie])?;
    ensure!(audit.code == Some(0), "{audit:?}");
    Ok(proven)
}
