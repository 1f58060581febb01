//! Writing a comment or a proposal.

use althing_node::api::{ProposalDraft, Request};
use ratatui_textarea::{TextArea, WrapMode};

use crate::app::{Act, App, Command, Popup, Purpose, Write, WriteKind};

/// Longest title in characters, as the node takes it.
const MAX_TITLE_CHARS: usize = 120;

/// The same in bytes, at four bytes a character.
pub(super) const MAX_TITLE_BYTES: usize = MAX_TITLE_CHARS * 4;

/// Longest comment in bytes, as the node takes it.
const MAX_COMMENT_BYTES: usize = 4096;

/// Longest proposal text in bytes, as the node takes it.
const MAX_BODY_BYTES: usize = 16 * 1024;

impl Write {
    /// An empty page.
    #[must_use]
    pub fn new(kind: WriteKind) -> Self {
        let mut body = TextArea::default();
        body.set_wrap_mode(WrapMode::WordOrGlyph);
        let on_title = kind == WriteKind::Proposal;
        Self { kind, title: String::new(), body, on_title, sending: false, problem: None }
    }
}

/// Keys while writing.
pub(super) fn on_write(app: &mut App, mut write: Box<Write>, act: Act) -> Vec<Command> {
    let mut commands = Vec::new();
    match act {
        Act::Back => return commands,
        Act::NextScreen => write.on_title = write.kind == WriteKind::Proposal && !write.on_title,
        Act::Confirm if !write.sending => match request(&write) {
            Ok(request) => {
                write.sending = true;
                write.problem = None;
                commands.push(Command::Ask { purpose: Purpose::Publish, request });
            }
            Err(problem) => write.problem = Some(problem),
        },
        _ => {}
    }
    app.popups.push(Popup::Write(write));
    commands
}

/// The request that publishes what was written, or what is wrong with it.
fn request(write: &Write) -> Result<Request, String> {
    let body = write.body.lines().join("\n").trim_end().to_owned();
    match &write.kind {
        WriteKind::Comment { .. } if body.is_empty() => Err("The comment is empty.".to_owned()),
        WriteKind::Comment { .. } if body.len() > MAX_COMMENT_BYTES => {
            Err(format!("The comment has {} bytes, at most {MAX_COMMENT_BYTES} are allowed.", body.len()))
        }
        WriteKind::Comment { proposal } => {
            Ok(Request::Comment { proposal: proposal.clone(), parent: None, text: body })
        }
        WriteKind::Proposal => {
            let title = write.title.trim().to_owned();
            let chars = title.chars().count();
            if title.is_empty() {
                return Err("The title is empty.".to_owned());
            }
            if chars > MAX_TITLE_CHARS {
                return Err(format!("The title has {chars} characters, at most {MAX_TITLE_CHARS} are allowed."));
            }
            if body.len() > MAX_BODY_BYTES {
                return Err(format!("The text has {} bytes, at most {MAX_BODY_BYTES} are allowed.", body.len()));
            }
            Ok(Request::Propose { draft: ProposalDraft::question(title, body, Vec::new()) })
        }
    }
}
