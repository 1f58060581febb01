//! Any bytes from a peer: an error or a message, never a panic; and every message survives the wire.

use althing_channels::wire::{
    AppAck, AppEntry, AppNack, DaoFetch, DaoInfo, HashList, Head, Hello, LinkInfo, LogEnd, LogFetch, LogSegment,
    MAX_MESSAGE_BYTES, MAX_SEGMENT_BYTES, MESSAGE_TYPES, PROTOCOL_VERSION, PeerError, WireError,
};
use althing_channels::{Channel, ChannelId, DaoId, Msg, NetworkId, Side};
use lightning::ln::msgs::DecodeError;
use lightning::ln::wire::{CustomMessageReader, Type};
use lightning::util::ser::{LengthLimitedRead, Writeable};
use proptest::prelude::*;

use crate::conversation::{channel_messages, run_through, shown_message};
use crate::pair::{Entropy, keys, terms};

fn app_messages() -> impl Strategy<Value = Msg> {
    let bytes = || prop::collection::vec(any::<u8>(), 0..300);
    prop_oneof![
        (any::<[u8; 32]>(), any::<[u8; 32]>(), any::<Option<[u8; 32]>>()).prop_map(|(dao, network, vote_key)| {
            Hello { dao: DaoId(dao), network: NetworkId(network), protocol: PROTOCOL_VERSION, vote_key }.into()
        }),
        (".{0,40}", ".{0,200}", any::<Option<[u8; 32]>>())
            .prop_map(|(rule, detail, channel)| { PeerError { rule, detail, channel: channel.map(ChannelId) }.into() }),
        (any::<u64>(), bytes()).prop_map(|(sequence, entry)| AppEntry { sequence, entry }.into()),
        (bytes(), any::<u64>(), prop::collection::vec(any::<[u8; 32]>(), 0..=64)).prop_map(
            |(receipt, position, path)| AppAck { receipt, position, path: HashList::new(path).unwrap() }.into()
        ),
        (any::<u64>(), ".{0,40}", ".{0,200}", any::<bool>()).prop_map(|(sequence, rule, detail, transient)| {
            AppNack { sequence, entry: [7; 32], rule, detail, transient }.into()
        }),
        any::<u64>().prop_map(|from_position| LogFetch { from_position }.into()),
        bytes().prop_map(|segment| LogSegment { segment }.into()),
        (any::<u64>(), bytes()).prop_map(|(size, head)| LogEnd { size, head }.into()),
        bytes().prop_map(|head| Head { head }.into()),
        any::<[u8; 32]>().prop_map(|dao| DaoFetch { dao: DaoId(dao) }.into()),
        (any::<u32>(), any::<u32>(), bytes()).prop_map(|(part, parts, bytes)| DaoInfo { part, parts, bytes }.into()),
        (any::<u32>(), bytes(), bytes()).prop_map(|(epoch, header, link)| LinkInfo { epoch, header, link }.into()),
    ]
}

#[test]
fn channel_messages_survive_the_wire() {
    let messages = channel_messages();
    let mut types: Vec<u16> = messages.iter().map(Type::type_id).collect();
    types.sort_unstable();
    types.dedup();
    assert_eq!(types, (32773..=32799).step_by(2).collect::<Vec<u16>>());
    for msg in messages.into_iter().chain([shown_message().0]) {
        let payload = msg.to_payload().unwrap();
        assert_eq!(Msg::read(msg.type_id(), &mut payload.as_slice()).unwrap(), Some(msg.clone()));
        for length in 0..payload.len() {
            assert!(Msg::read(msg.type_id(), &mut &payload[..length]).is_err(), "{msg:?} cut at {length}");
        }
        let longer = [payload, vec![0]].concat();
        assert!(Msg::read(msg.type_id(), &mut longer.as_slice()).is_err(), "{msg:?} with a byte more");
    }
}

/// The shell's adapter, as LDK wants it.
struct Reader;

impl CustomMessageReader for Reader {
    type CustomMessage = Msg;

    fn read<R: LengthLimitedRead>(&self, type_id: u16, buffer: &mut R) -> Result<Option<Msg>, DecodeError> {
        Msg::read(type_id, buffer)
    }
}

#[test]
fn ldk_reads_our_messages() {
    let msg = Msg::from(LogFetch { from_position: 9 });
    let payload = msg.encode();
    assert_eq!(Reader.read(msg.type_id(), &mut payload.as_slice()), Ok(Some(msg)));
}

#[test]
fn types_are_odd_and_custom() {
    assert!(MESSAGE_TYPES.iter().all(|type_id| *type_id >= 32769 && type_id % 2 == 1));
    assert!(MESSAGE_TYPES.windows(2).all(|pair| pair[0] < pair[1]));
    assert_eq!(Msg::read(32767, &mut [0u8; 4].as_slice()), Ok(None));
    assert_eq!(Msg::read(65535, &mut [0u8; 4].as_slice()), Ok(None));
}

#[test]
fn too_long_messages_are_refused_on_both_ways() {
    let msg = |bytes| Msg::from(AppEntry { sequence: 1, entry: vec![0; bytes] });
    let overhead = msg(MAX_MESSAGE_BYTES / 2).to_payload().unwrap().len() - MAX_MESSAGE_BYTES / 2;
    let longest = msg(MAX_MESSAGE_BYTES - overhead);
    assert_eq!(longest.to_payload().unwrap().len(), MAX_MESSAGE_BYTES);
    assert!(longest.clone().checked().is_ok());
    let too_long = msg(MAX_MESSAGE_BYTES - overhead + 1);
    let error = WireError::TooLong { type_id: 32801, bytes: 32769 };
    assert_eq!(too_long.to_payload(), Err(error));
    assert_eq!(too_long.checked(), Err(error));
    assert_eq!(error.to_string(), "C-41: message 32801 has 32769 bytes; at most 32768 are sent");
    let received = vec![0; MAX_MESSAGE_BYTES + 1];
    assert_eq!(Msg::read(32801, &mut received.as_slice()), Err(DecodeError::BadLengthDescriptor));
    let segment = Msg::from(LogSegment { segment: vec![0; MAX_SEGMENT_BYTES] });
    assert!(segment.checked().is_ok());
}

#[test]
fn a_path_of_more_than_64_hashes_is_refused() {
    assert!(HashList::new(vec![[0; 32]; 65]).is_none());
}

proptest! {
    #[test]
    fn app_messages_survive_the_wire(msg in app_messages()) {
        let payload = msg.to_payload().unwrap();
        prop_assert_eq!(Msg::read(msg.type_id(), &mut payload.as_slice()), Ok(Some(msg)));
    }

    #[test]
    fn any_bytes_decode_or_fail(index in 0..MESSAGE_TYPES.len(), bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let _ = Msg::read(MESSAGE_TYPES[index], &mut bytes.as_slice());
    }

    // At every moment of a channel's life, whatever the message says.
    #[test]
    fn altered_channel_messages_never_panic(
        pick in any::<prop::sample::Index>(),
        byte in any::<prop::sample::Index>(),
        value: u8,
    ) {
        thread_local! {
            static RUN: (Vec<Msg>, Vec<(Side, Vec<u8>)>) = ([channel_messages(), vec![shown_message().0]].concat(), moments());
        }
        RUN.with(|(messages, moments)| {
            let original = &messages[pick.index(messages.len())];
            let mut payload = original.to_payload().unwrap();
            let at = byte.index(payload.len());
            payload[at] = value;
            let decoded = Msg::read(original.type_id(), &mut payload.as_slice());
            let Ok(Some(msg)) = decoded else { return };
            if let Msg::OpenStake(proposal) = &msg {
                let _ = Channel::hub_accept(keys(Side::Hub), proposal, &terms());
            }
            let mut entropy = Entropy::default();
            for (side, stored) in moments {
                let mut channel = Channel::decode(stored, keys(*side)).unwrap();
                // Effects are looked at elsewhere; what was changed can be stored and read again.
                let _ = channel.handle(&msg, entropy.next());
                assert_stored(&channel, *side);
            }
        });
    }
}

fn assert_stored(channel: &Channel, side: Side) {
    let bytes = channel.encode();
    assert_eq!(Channel::decode(&bytes, keys(side)).unwrap().encode(), bytes);
}

/// Both sides as stored after every message of an opening and a close.
fn moments() -> Vec<(Side, Vec<u8>)> {
    let mut moments = Vec::new();
    run_through(|pair, _| {
        for side in [Side::Member, Side::Hub] {
            moments.push((side, pair.channel(side).encode()));
        }
    });
    moments.push((Side::Hub, shown_message().1));
    moments.sort();
    moments.dedup();
    moments
}
