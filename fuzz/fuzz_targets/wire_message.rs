//! Messages of peers; the first byte chooses the type. What is read and written again reads as the same.
#![no_main]

use althing_channels::Msg;
use althing_channels::wire::MESSAGE_TYPES;
use libfuzzer_sys::fuzz_target;
use lightning::ln::wire::Type as _;
use lightning::util::ser::Writeable as _;

fuzz_target!(|bytes: &[u8]| {
    let [choice, payload @ ..] = bytes else { return };
    let type_id = MESSAGE_TYPES[usize::from(*choice) % MESSAGE_TYPES.len()];
    if let Ok(Some(message)) = Msg::read(type_id, &mut &payload[..]) {
        assert_eq!(message.type_id(), type_id);
        let written = message.encode();
        assert_eq!(Msg::read(type_id, &mut written.as_slice()).expect("its own bytes"), Some(message));
    }
});
