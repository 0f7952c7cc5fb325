use proptest::prelude::*;

use super::*;
use crate::port::ContainerPort;

fn want(service: &str, policy: Policy, hash: u64) -> Want {
    Want {
        slot: Slot::Service(service.into(), ContainerPort::tcp(80)),
        policy,
        count: 1,
        hash,
        before: None,
        held: BTreeSet::new(),
        host_ips: Vec::new(),
    }
}

fn range(first: u16, last: u16) -> Policy {
    Policy::Range(PortRange { first, last })
}

fn holder(running: bool) -> Holder {
    Holder { directory: Some("/home/me/billing".into()), what: "service `iris`".into(), running }
}

fn chosen(wants: &[Want], reserved: &[u16], unbindable: &[u16]) -> Result<Vec<String>, Refusal> {
    let reserved = reserved.iter().map(|port| (*port, holder(false))).collect();
    let found = allocate(wants, &reserved, |_, port| !unbindable.contains(&port))?;
    Ok(found.iter().map(|(slot, block)| format!("{}={block}", slot.owner())).collect())
}

fn text(refusal: Refusal) -> String {
    crate::failure::render(&refusal.failure(|_, port| (port == 7).then(|| "nc (pid 42)".to_owned())).into())
}

#[test]
fn sticky_ports_follow_from_the_hash_and_pass_over_what_others_have() {
    let db = want("db", Policy::Sticky, 10_003);
    assert_eq!(chosen(std::slice::from_ref(&db), &[], &[]), Ok(vec!["db=20003".into()]));
    assert_eq!(chosen(std::slice::from_ref(&db), &[20_003], &[20_004]), Ok(vec!["db=20005".into()]));
    let end = want("db", Policy::Sticky, 9_999);
    assert_eq!(chosen(std::slice::from_ref(&end), &[29_999], &[]), Ok(vec!["db=20000".into()]));
    let same = want("web", Policy::Sticky, 10_003);
    assert_eq!(chosen(&[same, db], &[], &[]), Ok(vec!["db=20003".into(), "web=20004".into()]));
}

#[test]
fn an_earlier_reservation_is_kept_while_nobody_else_has_it() {
    let earlier = |held: bool| Want {
        before: Block::new(20_500, 1),
        held: held.then_some(20_500).into_iter().collect(),
        ..want("db", Policy::Sticky, 3)
    };
    assert_eq!(chosen(&[earlier(false)], &[], &[]), Ok(vec!["db=20500".into()]));
    assert_eq!(chosen(&[earlier(false)], &[20_500], &[]), Ok(vec!["db=20003".into()]));
    assert_eq!(chosen(&[earlier(false)], &[], &[20_500]), Ok(vec!["db=20003".into()]));
    assert_eq!(
        chosen(&[earlier(true)], &[], &[20_500]),
        Ok(vec!["db=20500".into()]),
        "its own container has it"
    );
    let moved = Want { policy: range(1972, 1981), ..earlier(true) };
    assert_eq!(chosen(&[moved], &[], &[]), Ok(vec!["db=1975".into()]), "outside of its pool");
}

#[test]
fn replicas_get_contiguous_ports() {
    let of = |count, before| Want { count, before, ..want("web", Policy::Sticky, 9_999) };
    assert_eq!(
        chosen(&[of(2, None)], &[], &[]),
        Ok(vec!["web=20000-20001".into()]),
        "the pool's end is no bridge"
    );
    assert_eq!(chosen(&[of(3, Block::new(20_500, 2))], &[], &[]), Ok(vec!["web=20500-20502".into()]));
    assert_eq!(chosen(&[of(3, Block::new(20_500, 2))], &[20_502], &[]), Ok(vec!["web=20000-20002".into()]));
}

#[test]
fn pins_are_taken_as_given() {
    let iris = want("iris", Policy::Pin(1972), 0);
    assert_eq!(chosen(std::slice::from_ref(&iris), &[], &[]), Ok(vec!["iris=1972".into()]));
    assert_eq!(
        chosen(std::slice::from_ref(&iris), &[1972], &[]),
        Ok(vec!["iris=1972".into()]),
        "that session is stopped"
    );
    let running = BTreeMap::from([(1972, holder(true))]);
    let refused = allocate(&[iris], &running, |_, _| true).expect_err("taken");
    assert_eq!(
        text(refused),
        "prism: error: service `iris` wants port 1972, which `/home/me/billing` (service `iris`) has\n\
         hint: stop it with `prism stop /home/me/billing`, or pin another port in prism.yaml\n"
    );
    let taken = chosen(&[want("iris", Policy::Pin(7), 0)], &[], &[7]).expect_err("bound");
    assert!(text(taken).starts_with("prism: error: service `iris` wants port 7, which nc (pid 42) has"));
    let twice = [want("a", Policy::Pin(9), 0), want("b", Policy::Pin(9), 0)];
    assert!(
        text(chosen(&twice, &[], &[]).expect_err("twice"))
            .contains("service `a` and service `b` both want port 9")
    );
    let beyond = Want { count: 2, ..want("a", Policy::Pin(65535), 0) };
    assert!(text(chosen(&[beyond], &[], &[]).expect_err("65536")).contains("end at 65535"));
    let beside = [want("a", range(9, 10), 0), want("b", Policy::Pin(9), 0)];
    assert_eq!(chosen(&beside, &[], &[]), Ok(vec!["a=10".into(), "b=9".into()]));
}

#[test]
fn an_exhausted_range_names_every_assignment_and_the_free_ports() {
    let one = want("iris", range(6, 9), 2);
    assert_eq!(chosen(std::slice::from_ref(&one), &[8], &[9]), Ok(vec!["iris=6".into()]));
    let refused = chosen(&[Want { count: 2, ..one }], &[6, 8], &[7]).expect_err("full");
    assert_eq!(
        text(refused),
        "prism: error: no 2 ports side by side of the range 6-9 can be had for service `iris`\n\
         \x20 | 6  `/home/me/billing` (service `iris`), stopped\n\
         \x20 | 7  nc (pid 42)\n\
         \x20 | 8  `/home/me/billing` (service `iris`), stopped\n\
         \x20 | free: 9\n\
         hint: release a stopped session's with `prism ports clear DIR` or `prism destroy DIR`, or widen `range:` in prism.yaml\n"
    );
    let small = [want("a", range(6, 6), 0), want("b", range(6, 6), 0)];
    assert!(
        text(chosen(&small, &[], &[]).expect_err("small"))
            .contains("the range 6-6 has 1 port, too few for service `a`, service `b`")
    );
}

#[test]
fn blocks_and_single_ports_fill_a_range_to_the_last_port() {
    let wants = [want("a", range(1, 4), 1), Want { count: 3, ..want("b", range(1, 4), 0) }];
    assert_eq!(chosen(&wants, &[], &[]), Ok(vec!["a=4".into(), "b=1-3".into()]));
}

#[test]
fn a_rootless_engine_binds_no_privileged_port() {
    for (policy, allowed) in [
        (Policy::Pin(80), false),
        (Policy::Pin(1024), true),
        (range(1000, 2000), false),
        (Policy::Sticky, true),
    ] {
        let checked = check_rights(&[want("web", policy, 0)], 1024);
        assert_eq!(checked.is_ok(), allowed, "{policy:?}");
    }
}

fn wants() -> impl Strategy_<Value = Vec<Want>> {
    let one = (0_u64..60, 1_u16..4, proptest::option::of((0_u16..60, 1_u16..4)), any::<bool>(), 0_u8..3);
    proptest::collection::vec(one, 0..12).prop_map(|wants| {
        let wants = wants.into_iter().enumerate();
        wants
            .map(|(index, (hash, count, before, held, policy))| Want {
                policy: match policy {
                    0 => Policy::Sticky,
                    1 => range(100, 130),
                    _ => range(110, 150),
                },
                count,
                before: before.and_then(|(first, count)| Block::new(100 + first, count)),
                held: before
                    .filter(|_| held)
                    .into_iter()
                    .flat_map(|(first, count)| 100 + first..100 + first + count)
                    .collect(),
                ..want(&format!("s{index}"), Policy::Sticky, hash)
            })
            .collect()
    })
}

use proptest::strategy::Strategy as Strategy_;

proptest! {
    #[test]
    fn no_port_has_two_holders_and_the_order_does_not_matter(
        wants in wants(),
        reserved in proptest::collection::btree_set(100_u16..150, 0..40),
        unbindable in proptest::collection::btree_set(100_u16..150, 0..20),
        rotation in 0_usize..12,
    ) {
        let held: BTreeMap<u16, Holder> = reserved.iter().map(|port| (*port, holder(true))).collect();
        let found = allocate(&wants, &held, |_, port| !unbindable.contains(&port));
        let mut reordered = wants.clone();
        reordered.rotate_left(rotation.min(wants.len()));
        reordered.reverse();
        prop_assert_eq!(&allocate(&reordered, &held, |_, port| !unbindable.contains(&port)), &found);
        let Ok(found) = found else { return Ok(()) };
        prop_assert_eq!(found.len(), wants.len());
        let ports: Vec<u16> = found.values().flat_map(|block| block.ports()).collect();
        prop_assert_eq!(ports.iter().collect::<BTreeSet<_>>().len(), ports.len());
        prop_assert!(ports.iter().all(|port| !reserved.contains(port)));
        for want in &wants {
            let block = found[&want.slot];
            prop_assert_eq!(block.count, want.count);
            prop_assert!(pool(want.policy).expect("a pool").covers(&block.ports()));
            prop_assert!(block.ports().all(|port| !unbindable.contains(&port) || want.held.contains(&port)));
        }
        // What was found is what is found again.
        let again: Vec<Want> = wants.iter().map(|want| Want { before: Some(found[&want.slot]), ..want.clone() }).collect();
        prop_assert_eq!(allocate(&again, &held, |_, port| !unbindable.contains(&port)), Ok(found.clone()));
        // So it is while all of that runs, and nothing can be bound any more.
        let running: Vec<Want> = again.into_iter().map(|want| Want { held: found[&want.slot].ports().collect(), ..want }).collect();
        prop_assert_eq!(allocate(&running, &held, |_, _| false), Ok(found));
    }

    #[test]
    fn single_ports_use_the_whole_range(
        hashes in proptest::collection::vec(any::<u64>(), 1..20),
        before in proptest::collection::vec(proptest::option::of(0_u16..20), 20),
        reserved in proptest::collection::btree_set(0_u16..20, 0..20),
    ) {
        let wants: Vec<Want> = hashes.iter().enumerate().map(|(index, hash)| Want {
            before: before[index].and_then(|offset| Block::new(40_000 + offset, 1)),
            ..want(&format!("s{index}"), range(40_000, 40_019), *hash)
        }).collect();
        let held: BTreeMap<u16, Holder> = reserved.iter().map(|offset| (40_000 + offset, holder(false))).collect();
        let fits = wants.len() + held.len() <= 20;
        prop_assert_eq!(allocate(&wants, &held, |_, _| true).is_ok(), fits);
    }
    #[test]
    fn blocks_use_the_whole_range(
        wants in proptest::collection::vec((any::<u64>(), 1_u16..4, 0_u16..10, 1_u16..10, proptest::option::of(0_u16..10)), 1..6),
        reserved in proptest::collection::btree_set(0_u16..10, 0..6),
    ) {
        let wants: Vec<Want> = wants.into_iter().enumerate().map(|(index, (hash, count, first, size, before))| Want {
            count,
            before: before.and_then(|offset| Block::new(40_000 + offset, count)),
            ..want(&format!("s{index}"), range(40_000 + first, 40_000 + (first + size - 1).min(9)), hash)
        }).collect();
        let held: BTreeMap<u16, Holder> = reserved.iter().map(|offset| (40_000 + offset, holder(false))).collect();
        let taken: BTreeSet<u16> = held.keys().copied().collect();
        prop_assert_eq!(allocate(&wants, &held, |_, _| true).is_ok(), fit(&wants, &taken));
    }

    #[test]
    fn sessions_with_as_many_replicas_each_fill_a_range(
        hashes in proptest::collection::vec(any::<u64>(), 5),
        count in 1_u16..4,
    ) {
        let last = 40_000 + 5 * count - 1;
        let mut held = BTreeMap::new();
        for hash in hashes {
            let web = Want { count, ..want("web", range(40_000, last), hash) };
            let found = allocate(&[web], &held, |_, _| true).expect("a place");
            held.extend(found.values().flat_map(|block| block.ports()).map(|port| (port, holder(true))));
        }
        prop_assert_eq!(held.len(), usize::from(5 * count));
    }
}

/// Tries out every way to place them.
fn fit(wants: &[Want], taken: &BTreeSet<u16>) -> bool {
    let Some((want, rest)) = wants.split_first() else { return true };
    let range = pool(want.policy).expect("a pool");
    (range.first..=range.last).filter_map(|first| Block::new(first, want.count)).any(|block| {
        let is_free = range.covers(&block.ports()) && block.ports().all(|port| !taken.contains(&port));
        is_free && fit(rest, &taken.iter().copied().chain(block.ports()).collect())
    })
}

#[test]
fn what_runs_stays_whatever_the_note_says_of_it() {
    let running =
        |before: Option<Block>| Want { before, held: [20_600].into(), ..want("db", Policy::Sticky, 600) };
    for before in [None, Block::new(1, u16::MAX), Block::new(20_600, 1)] {
        assert_eq!(chosen(&[running(before)], &[], &[20_600]), Ok(vec!["db=20600".into()]), "{before:?}");
    }
}

#[test]
fn a_range_that_cannot_be_filled_is_given_up_soon() {
    let wants: Vec<Want> = (0..30).map(|index| want(&format!("s{index}"), range(1, 1000), index)).collect();
    let free = 1..=29;
    let reserved: Vec<u16> = (1..=1000).filter(|port| !free.contains(port)).collect();
    assert!(matches!(chosen(&wants, &reserved, &[]), Err(Refusal::Exhausted { .. })));
}
