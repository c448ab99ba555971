//! What was taken and what was not, in words.

use super::classes::Classes;
use super::{Fate, Layer, Part};

/// The most that a line lists.
const MOST_LISTED: usize = 8;

/// What is taken and what is not in a network, in lines for people.
pub(super) fn tell(
    network: &str,
    new: &[Layer<'_>],
    old: &[Layer<'_>],
    aligned: &[Option<usize>],
    classes: &Classes,
) -> Vec<String> {
    let (mut whole, mut taken, mut anew) = (Vec::new(), Vec::new(), Vec::new());
    let mut told = Vec::new();
    for (layer, other) in new.iter().zip(aligned) {
        let other = other.map(|other| &old[other]);
        let fates: Vec<_> = layer.parts.iter().map(|part| (part, part.fate(other, classes))).collect();
        told.extend(fates.iter().filter_map(|(_, fate)| fate.other()).map(|part| part.stored.name.as_str()));
        if let Some(other) = other.filter(|_| fates.iter().all(|(_, fate)| matches!(fate, Fate::Whole(_)))) {
            whole.push([layer.index, other.index]);
            continue;
        }
        for (part, fate) in fates {
            let name = part.name(layer);
            let there = other.map_or(0, |other| other.index);
            let there = if there == layer.index { String::new() } else { format!(" ({there} there)") };
            match fate {
                Fate::Whole(_) => taken.push(format!("{name}{there}")),
                Fate::Rows(other) => {
                    let rows = classes.rows(*part, other).len();
                    taken.push(format!("{rows} of {} rows of {name}{there}", part.rows()));
                }
                fate => anew.push(format!("{name} {}", fate.misfit(part))),
            }
        }
    }
    let is_left = |part: &&Part<'_>| !told.contains(&part.stored.name.as_str());
    let left = |layer: &Layer<'_>| layer.parts.iter().filter(is_left).map(|part| part.name(layer)).collect::<Vec<_>>();
    let left: Vec<_> = old.iter().flat_map(left).collect();
    if anew.is_empty() && left.is_empty() && taken.is_empty() && whole.iter().all(|[here, there]| here == there) {
        return vec![format!("{network}: all is taken")];
    }
    let taken: Vec<_> = ranges(&whole, new).into_iter().chain(taken).collect();
    let lists = [("taken", taken), ("begins anew", anew), ("left there", left)].into_iter();
    let lists = lists.filter(|(_, list)| !list.is_empty());
    lists.map(|(what, list)| format!("{network}: {what}: {}", listed(&list))).collect()
}

/// Layers that are taken as they are, given with their index there, in ranges of those that follow
/// each other in `new`.
fn ranges(whole: &[[usize; 2]], new: &[Layer<'_>]) -> Vec<String> {
    let place = |index: usize| new.iter().position(|layer| layer.index == index);
    let mut ranges: Vec<[[usize; 2]; 2]> = Vec::new();
    for &[here, there] in whole {
        match ranges.last_mut() {
            Some([_, last]) if place(last[0]).map(|at| at + 1) == place(here) && here - last[0] == there - last[1] => {
                *last = [here, there];
            }
            _ => ranges.push([[here, there]; 2]),
        }
    }
    let range =
        |first: usize, last: usize| if first == last { first.to_string() } else { format!("{first} to {last}") };
    let named = ranges.into_iter().map(|[[first, first_there], [last, last_there]]| {
        let layers = if first == last { "layer" } else { "layers" };
        let there =
            if first == first_there { String::new() } else { format!(" ({} there)", range(first_there, last_there)) };
        format!("{layers} {}{there}", range(first, last))
    });
    named.collect()
}

/// The first of a list, and how many more there are.
fn listed(list: &[String]) -> String {
    let (first, more) = list.split_at(list.len().min(MOST_LISTED));
    let more = if more.is_empty() { String::new() } else { format!(" and {} more", more.len()) };
    format!("{}{more}", first.join(", "))
}
