//! Captures of several interfaces, of a router or a bridge for example: where these saw the same connections they are points
//! of one incident with one clock.

use std::collections::BTreeMap;

use super::incidents::{Looking, Relations, Unit};
use super::sampled::Sampled;
use crate::frame::{CaptureId, InterfaceId};
use crate::source::{Interface, Timeline, can_be_read_twice, is_stopped};

/// Interfaces of one capture that are compared.
const MOST: usize = 8;

/// The interfaces of a unit, each a unit of its own, if all that saw connections are points of one incident; else the unit
/// as it is. Captures of one interface are not read for this.
pub(super) fn of(unit: Unit, looking: Looking<'_>) -> Vec<Unit> {
    let known = if unit.name.is_none() { interfaces(&unit, looking) } else { Vec::new() };
    if known.len() < 2 || known.len() > MOST {
        return vec![unit];
    }
    let mut by_interface = sampled(&unit, looking);
    by_interface.retain(|_, sampled| !sampled.flows.is_empty());
    let one = |id: &InterfaceId| {
        let name = known.iter().find(|one| one.id == *id).and_then(|one| one.name.clone());
        Unit { interface: Some((*id, name)), ..unit.clone() }
    };
    let units: Vec<Unit> = by_interface.keys().map(one).collect();
    let mut sampled: Vec<Sampled> = by_interface.into_values().collect();
    let is_incident = units.len() > 1 && Relations::of(&units, &mut sampled).reached_from(0).len() == units.len();
    if is_incident { units } else { vec![unit] }
}

/// The interfaces of the captures of a unit, if they have the same ones.
fn interfaces(unit: &Unit, looking: Looking<'_>) -> Vec<Interface> {
    if !unit.group.files.iter().all(|file| can_be_read_twice(file)) {
        return Vec::new();
    }
    // Opening a capture goes to its first packet, before which its interfaces are described.
    let (timeline, _) = Timeline::open(&unit.group.files, CaptureId(0), looking.filter);
    let mut all = timeline.captures().iter().map(|capture| &capture.interfaces);
    let Some(first) = all.next() else { return Vec::new() };
    let named = |interfaces: &[Interface]| interfaces.iter().map(|one| one.name.clone()).collect::<Vec<_>>();
    if all.any(|other| named(other) != named(first)) { Vec::new() } else { first.clone() }
}

/// What each interface shows.
fn sampled(unit: &Unit, looking: Looking<'_>) -> BTreeMap<InterfaceId, Sampled> {
    let (mut timeline, _) = Timeline::open(&unit.group.files, CaptureId(0), looking.filter);
    let mut all: BTreeMap<InterfaceId, Sampled> = BTreeMap::new();
    while !is_stopped()
        && let Some(frame) = timeline.next()
    {
        // Interfaces may be described later.
        if all.contains_key(&frame.interface) || all.len() <= MOST {
            all.entry(frame.interface).or_insert_with(|| Sampled::new(looking.ports)).push(&frame);
        }
    }
    all.values_mut().for_each(Sampled::finish);
    all
}
