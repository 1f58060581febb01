//! The version of a Bitcoin Core program.

use std::fmt;

/// A Bitcoin Core version such as 31.99.0; the order is by age.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    /// First number; since 22 it alone names the feature set.
    pub major: u16,
    /// Second number; 99 marks a development snapshot between two releases.
    pub minor: u16,
    /// Third number; 0 where the program prints only two.
    pub patch: u16,
}

impl Version {
    /// The first version with everything the tests rely on: version-3 transactions (TRUC), pay-to-anchor outputs
    /// and ephemeral dust (all by 29.0), and `submitpackage`.
    pub const MINIMUM: Self = Self { major: 29, minor: 0, patch: 0 };

    /// Reads the first line of `bitcoind --version`, such as `Bitcoin Core daemon version v31.99.0-unk bitcoind`.
    ///
    /// Gives `None` for anything that is not Bitcoin Core speaking.
    #[must_use]
    pub fn from_banner(banner: &str) -> Option<Self> {
        let line = banner.lines().next()?;
        if !line.starts_with("Bitcoin") {
            return None;
        }
        let (_, after) = line.split_once(" version ")?;
        let digits = after.strip_prefix('v').unwrap_or(after);
        let end = digits.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(digits.len());
        let mut numbers = digits[..end].split('.').map(str::parse::<u16>);
        let major = numbers.next()?.ok()?;
        let minor = numbers.next()?.ok()?;
        let patch = numbers.next().and_then(Result::ok).unwrap_or(0);
        Some(Self { major, minor, patch })
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

#[cfg(test)]
mod tests {
    use super::Version;

    #[test]
    fn banners() {
        let table = [
            ("Bitcoin Core daemon version v31.99.0-unk bitcoind\nCopyright", Some((31, 99, 0))),
            ("Bitcoin Core version v27.1.0", Some((27, 1, 0))),
            ("Bitcoin Core daemon version v30.2rc1", Some((30, 2, 0))),
            ("Bitcoin Core version v99999999.1", None),
            ("bash version 5.2.15", None),
            ("Bitcoin Core", None),
            ("", None),
        ];
        for (banner, expected) in table {
            let found = Version::from_banner(banner).map(|v| (v.major, v.minor, v.patch));
            assert_eq!(found, expected, "{banner:?}");
        }
    }

    #[test]
    fn minimum_excludes_28() {
        let old = Version { major: 28, minor: 99, patch: 9 };
        assert!(old < Version::MINIMUM);
        assert!(Version { major: 29, minor: 0, patch: 0 } >= Version::MINIMUM);
    }
}
