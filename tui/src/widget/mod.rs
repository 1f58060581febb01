//! Pieces that several screens draw.

mod bar;
mod chart;
mod list;
mod panel;
mod path;
mod qr;
mod tally;

pub use bar::{bar, column, mark};
pub use chart::{columns_chart, curve_lines};
pub use list::{Column, Rows, list};
pub use panel::{Pen, beside, centred, panel, scrolled};
pub use path::{path_lines, path_signs};
pub use qr::{address_uri, qr_lines, qr_room};
pub use tally::{tally_heading, tally_lines};
