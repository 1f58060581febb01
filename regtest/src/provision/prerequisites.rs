//! The programs and libraries of the system that building Bitcoin Core needs.

use std::fs;
use std::process::{Command, Stdio};

use super::{Progress, ProvisionError, build};

/// One thing needed: what to call it, and how to see that it is there.
struct Need {
    name: &'static str,
    present: fn() -> bool,
}

const NEEDS: &[Need] = &[
    Need { name: "cmake", present: || succeeds("cmake", &["--version"]) },
    Need { name: "a C++ compiler", present: || succeeds(&compiler(), &["--version"]) },
    Need { name: "make", present: || succeeds("make", &["--version"]) || succeeds("ninja", &["--version"]) },
    Need { name: "pkg-config", present: || succeeds("pkg-config", &["--version"]) },
    Need {
        name: "libevent",
        present: || succeeds("pkg-config", &["--exists", "libevent"]) || has_header("event2/event.h"),
    },
    Need { name: "the Boost headers", present: || has_header("boost/multi_index_container.hpp") },
];

const DEBIAN_PACKAGES: &[&str] = &["cmake", "g++", "make", "pkg-config", "libevent-dev", "libboost-dev"];

/// Makes sure everything is there; as root on Debian or Ubuntu it installs what is not.
pub(super) fn ensure(progress: &Progress) -> Result<(), ProvisionError> {
    let mut missing = missing();
    if missing.is_empty() {
        return Ok(());
    }
    if is_debian() && is_root() {
        progress.line(&format!("installing {} (missing: {})", DEBIAN_PACKAGES.join(" "), missing.join(", ")));
        apt_get(&["update"])?;
        let mut install = vec!["install", "-y", "--no-install-recommends"];
        install.extend(DEBIAN_PACKAGES);
        apt_get(&install)?;
        missing = self::missing();
        if missing.is_empty() {
            return Ok(());
        }
    }
    Err(ProvisionError::MissingPackages { missing, command: install_command() })
}

fn missing() -> Vec<&'static str> {
    NEEDS.iter().filter(|need| !(need.present)()).map(|need| need.name).collect()
}

/// The one command a person has to run.
fn install_command() -> String {
    if is_debian() {
        let sudo = if is_root() { "" } else { "sudo " };
        let packages = DEBIAN_PACKAGES.join(" ");
        format!("{sudo}apt-get update && {sudo}apt-get install -y --no-install-recommends {packages}")
    } else if cfg!(target_os = "macos") {
        "brew install cmake boost pkgconf libevent".to_owned()
    } else if os_release_names(&["fedora", "rhel", "centos"]) {
        "sudo dnf install -y cmake gcc-c++ make pkgconf libevent-devel boost-devel".to_owned()
    } else if os_release_names(&["arch"]) {
        "sudo pacman -S --needed cmake gcc make pkgconf libevent boost".to_owned()
    } else {
        "your package manager, for cmake, g++ 12 or newer, make, pkg-config, and the development files of libevent and \
         Boost; or set BITCOIND_EXE"
            .to_owned()
    }
}

/// The compiler cmake will take.
fn compiler() -> String {
    std::env::var("CXX").ok().filter(|name| !name.is_empty()).unwrap_or_else(|| "c++".to_owned())
}

fn has_header(header: &str) -> bool {
    let probe = || {
        let folder = tempfile::tempdir().ok()?;
        let file = folder.path().join("probe.cpp");
        fs::write(&file, format!("#include <{header}>\n")).ok()?;
        let mut search = Command::new(compiler());
        // Where Homebrew keeps headers on Apple silicon; ignored where it does not exist.
        search.args(["-fsyntax-only", "-I/opt/homebrew/include"]).arg(&file);
        Some(quietly(&mut search))
    };
    probe().unwrap_or(false)
}

fn is_root() -> bool {
    let id = Command::new("id").arg("-u").stdin(Stdio::null()).output();
    id.is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}

fn is_debian() -> bool {
    os_release_names(&["debian", "ubuntu"]) && succeeds("apt-get", &["--version"])
}

/// Whether `ID` or `ID_LIKE` of os-release(5) holds one of these names.
fn os_release_names(names: &[&str]) -> bool {
    let text = fs::read_to_string("/etc/os-release").unwrap_or_default();
    text.lines()
        .filter_map(|line| line.strip_prefix("ID=").or_else(|| line.strip_prefix("ID_LIKE=")))
        .flat_map(|value| value.trim_matches('"').split_whitespace())
        .any(|id| names.contains(&id))
}

fn apt_get(arguments: &[&str]) -> Result<(), ProvisionError> {
    const STEP: &str = "installing packages with apt-get";
    let output = Command::new("apt-get")
        .args(arguments)
        .env("DEBIAN_FRONTEND", "noninteractive")
        .stdin(Stdio::null())
        .output()
        .map_err(|error| ProvisionError::Step { step: STEP, reason: error.to_string() })?;
    if output.status.success() {
        return Ok(());
    }
    let reason = build::last_lines(&String::from_utf8_lossy(&output.stderr));
    Err(ProvisionError::Step { step: STEP, reason: format!("{reason}\nby hand: {}", install_command()) })
}

fn succeeds(program: &str, arguments: &[&str]) -> bool {
    quietly(Command::new(program).args(arguments))
}

fn quietly(command: &mut Command) -> bool {
    let status = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
    status.is_ok_and(|status| status.success())
}
