//! Hazard: a command without a running node answers from what its folder had when it last ran, as if that were all (N-425).

use anyhow::ensure;
use serde_json::Value;

use crate::bad_input::{INVALID, NOT_NOW};
use crate::stage::with_members_on_roll;

#[test]
fn a_command_reads_the_log_on_before_it_answers() {
    with_members_on_roll("reads-on", |assembly| {
        let late = assembly.members[3].cli();
        assembly.members[3].stop()?;
        let text = ["propose", "text", "--title", "Written while somebody slept", "--body", "A body.", "--yes"];
        assembly.members[0].cli().run(&text)?.succeeded()?;

        let listed = late.run(&["proposals"])?;
        ensure!(listed.code == Some(0) && listed.stdout.contains("Written while somebody slept"), "{listed:?}");
        ensure!(!listed.stderr.contains("may be old"), "{listed:?}");
        let whole: Value = late.json(&["proposals"])?;
        ensure!(whole.get("may_be_old").is_none(), "{whole}");
        // What the whole log does not have is refused for good.
        let none = late.run(&["proposal", "show", "99"])?;
        ensure!(none.code == Some(INVALID) && none.stderr.contains("N-51"), "{none:?}");

        // Without the hub nobody knows: what is here is shown with its end.
        assembly.hub.stop()?;
        let old: Value = late.json(&["proposals"])?;
        ensure!(old["may_be_old"]["state"] == "no_hub" && old["may_be_old"]["entries"].as_u64() > Some(0), "{old}");
        let none = late.run(&["proposal", "show", "99"])?;
        ensure!(none.code == Some(NOT_NOW) && none.stderr.contains("The hub is not reachable"), "{none:?}");
        assembly.hub.start()
    });
}
