//! Pieces that several screens draw.

mod bar;
mod list;
mod panel;
mod path;
mod tally;

pub use bar::{bar, column};
pub use list::{Column, Rows, list};
pub use panel::{Pen, centred, panel, scrolled};
pub use path::{path_lines, path_signs};
pub use tally::{tally_heading, tally_lines};
