//! What a new run takes of another run's checkpoint: the tensors that fit. The layers of each
//! network are aligned in order, so that one that was put in front of others shifts nothing.

mod classes;
mod tell;

use classes::Classes;
use tell::tell;

use super::checkpoint::Checkpoint;
use super::config::Config;
use super::learned::stored;
use super::network::AVERAGE;
use super::parameters::NETWORKS;
use super::tensors::Tensors;
use crate::error::{Error, Result};
use crate::plan::Stored;

/// What is taken, with what takes its place where the other run has none: no optimizer's moments,
/// which begin anew.
const TAKEN: [(&str, &str); 4] = [(OWN[0], OWN[0]), (OWN[1], OWN[1]), (AVERAGE[0], OWN[0]), (AVERAGE[1], OWN[1])];
/// Parameters and state.
const OWN: [&str; 2] = ["parameter", "state"];
/// Types of layers and their variables that have a row for each class: the rows are taken of the
/// classes that both runs have.
const BY_CLASS: [(&str, &str); 4] =
    [("embedding", "table"), ("class_affine", "gain"), ("class_affine", "shift"), ("projection", "classes")];
/// Types of layers with the variables of the first one, and more.
const KINDRED: [(&str, &str); 2] = [("dense", "projection"), ("conv", "projection")];

/// The tensors that a new run begins with, and which of them are another run's.
#[derive(Clone, Debug)]
pub struct Inheritance {
    /// All that the new run stores.
    pub tensors: Tensors,
    /// How many of them are taken, in lines for people: a summary, then what is taken and what is
    /// not in each network.
    pub lines: Vec<String>,
}

/// A layer with what it stores.
struct Layer<'a> {
    index: usize,
    /// Its type.
    kind: &'static str,
    parts: Vec<Part<'a>>,
}

/// A tensor that may be taken.
#[derive(Clone, Copy)]
struct Part<'a> {
    stored: &'a Stored,
    /// What it is, and what may take its place: one of [`TAKEN`].
    what: (&'static str, &'static str),
    /// The variable's name within its layer.
    variable: &'a str,
}

/// What becomes of a tensor of the new run.
#[derive(Clone, Copy)]
enum Fate<'a> {
    /// All of it is this one's.
    Whole(Part<'a>),
    /// Some of its rows are this one's.
    Rows(Part<'a>),
    /// The other run's is this one, which does not fit.
    Differs(Part<'a>),
    /// The other run has none.
    Missing,
}

/// Takes what fits of `source` for a run of `config`.
///
/// # Errors
/// A usage error when nothing fits; a checkpoint error when what fits holds NaN or infinity.
pub fn inherit(config: &Config, source: &Checkpoint) -> Result<Inheritance> {
    let before = &source.metadata.config;
    let classes = &Classes::of(config, before);
    let (new, old) = (stored(config)?, stored(before)?);
    let mut tensors = Tensors::default();
    new.iter().for_each(|stored| tensors.insert(stored, &initial(stored, config.seed)));
    let (mut taken, mut all, mut misfits, mut lines) = (0, 0, Vec::new(), Vec::new());
    for (network, name) in NETWORKS.into_iter().enumerate() {
        let (new, old) = (layers(config, network, &new)?, layers(before, network, &old)?);
        let aligned = align(&new, &old, classes);
        for (layer, other) in new.iter().zip(&aligned) {
            for part in &layer.parts {
                all += 1;
                let fate = part.fate(other.map(|other| &old[other]), classes);
                let Some(from) = fate.source() else {
                    misfits.push((network, format!("{} {}", part.stored.name, fate.misfit(part))));
                    continue;
                };
                taken += 1;
                let others = source.tensors.get(from.stored)?;
                match fate {
                    Fate::Rows(_) => {
                        let mut values = initial(part.stored, config.seed);
                        classes.copy(part, from, &mut values, others);
                        tensors.insert(part.stored, &values);
                    }
                    _ => tensors.insert(part.stored, others),
                }
            }
        }
        lines.extend(tell(name, &new, &old, &aligned, classes));
    }
    let path = config.from.as_ref().map_or_else(|| "the other run".to_string(), |path| path.display().to_string());
    if taken == 0 {
        let first = |network| misfits.iter().find(|(of, _)| *of == network).map(|(_, misfit)| misfit.as_str());
        let first: Vec<_> = (0..NETWORKS.len()).filter_map(first).collect();
        let (first, remedy) =
            (first.join("; "), "without --preset and --config the run has the networks of the other one");
        return Err(Error::usage(format!("nothing of {path} fits this run's networks: {first}; {remedy}")));
    }
    let summary = format!("weights from {path}: {taken} of {all} tensors; the optimizer and all counters begin anew");
    lines.insert(0, summary);
    Ok(Inheritance { tensors, lines })
}

/// What a tensor of a new run begins with.
fn initial(stored: &Stored, seed: u64) -> Vec<f32> {
    let mut values = vec![0.0; stored.view.len as usize];
    stored.begins.fill(seed, &mut values);
    values
}

/// The layers of a network that store something which may be taken, in order.
fn layers<'a>(config: &Config, network: usize, stored: &'a [Stored]) -> Result<Vec<Layer<'a>>> {
    let layout = &config.layouts()?[network];
    let mut layers: Vec<Layer<'a>> = Vec::new();
    for stored in stored.iter().filter(|stored| stored.owner == NETWORKS[network]) {
        let mut words = stored.name.splitn(3, '/').skip(1);
        let (Some(what), Some((index, variable))) = (words.next(), words.next().and_then(|name| name.split_once('.')))
        else {
            continue;
        };
        let spec = index.parse().ok().and_then(|index: usize| Some((index, &layout.layers.get(index)?.0)));
        let Some((index, spec)) = spec else { continue };
        let Some(&what) = TAKEN.iter().find(|(own, _)| *own == what) else { continue };
        let part = Part { stored, what, variable };
        match layers.iter_mut().find(|layer| layer.index == index) {
            Some(layer) => layer.parts.push(part),
            None => layers.push(Layer { index, kind: spec.name(), parts: vec![part] }),
        }
    }
    layers.sort_by_key(|layer| layer.index);
    Ok(layers)
}

/// For each layer of a new network the one of an old network that it follows, in order: such that
/// most tensors are taken; among ways to do that, such that most layers keep their index.
fn align(new: &[Layer<'_>], old: &[Layer<'_>], classes: &Classes) -> Vec<Option<usize>> {
    // What layers `a..` of the new one and `b..` of the old one can reach: tensors, then indices,
    // then layers of the same type, which tell how their shapes differ.
    let value = |a: usize, b: usize| {
        let (new, old) = (&new[a], &old[b]);
        let taken = new.parts.iter().filter(|part| part.fate(Some(old), classes).source().is_some()).count();
        new.is_kindred(old).then(|| [taken, usize::from(new.index == old.index), 1])
    };
    let plus = |a: [usize; 3], b: [usize; 3]| [a[0] + b[0], a[1] + b[1], a[2] + b[2]];
    let mut best = vec![vec![[0; 3]; old.len() + 1]; new.len() + 1];
    for a in (0..new.len()).rev() {
        for b in (0..old.len()).rev() {
            let both = value(a, b).map_or([0; 3], |value| plus(value, best[a + 1][b + 1]));
            best[a][b] = both.max(best[a + 1][b]).max(best[a][b + 1]);
        }
    }
    let (mut aligned, mut b) = (vec![None; new.len()], 0);
    for a in 0..new.len() {
        while b < old.len() && best[a][b] == best[a][b + 1] {
            b += 1;
        }
        if b < old.len() && value(a, b).is_some_and(|value| plus(value, best[a + 1][b + 1]) == best[a][b]) {
            aligned[a] = Some(b);
            b += 1;
        }
    }
    aligned
}

impl Layer<'_> {
    /// Whether it may take what `other` stores.
    fn is_kindred(&self, other: &Layer<'_>) -> bool {
        let are = |a, b| KINDRED.contains(&(a, b));
        self.kind == other.kind || are(self.kind, other.kind) || are(other.kind, self.kind)
    }
}

impl<'a> Part<'a> {
    /// What becomes of it where its layer follows `other`.
    fn fate(self, other: Option<&Layer<'a>>, classes: &Classes) -> Fate<'a> {
        let find = |layer: &Layer<'a>, what| {
            layer.parts.iter().find(|part| (part.what.0, part.variable) == (what, self.variable)).copied()
        };
        let other =
            other.and_then(|layer| Some((layer, find(layer, self.what.0).or_else(|| find(layer, self.what.1))?)));
        let Some((layer, other)) = other else { return Fate::Missing };
        let (own, others) = (&self.stored.shape, &other.stored.shape);
        if BY_CLASS.contains(&(layer.kind, self.variable)) && own.get(1..) == others.get(1..) {
            return if own == others && classes.are_the_same() { Fate::Whole(other) } else { Fate::Rows(other) };
        }
        if own == others { Fate::Whole(other) } else { Fate::Differs(other) }
    }

    /// Rows of the first dimension.
    fn rows(self) -> usize {
        self.stored.shape.first().map_or(0, |&rows| rows as usize)
    }

    fn name(self, layer: &Layer<'_>) -> String {
        let what = if OWN.contains(&self.what.0) { String::new() } else { format!("{}/", self.what.0) };
        format!("{what}{}.{}", layer.index, self.variable)
    }
}

impl<'a> Fate<'a> {
    /// The other run's tensor.
    fn other(self) -> Option<Part<'a>> {
        match self {
            Fate::Whole(part) | Fate::Rows(part) | Fate::Differs(part) => Some(part),
            Fate::Missing => None,
        }
    }

    /// The other run's tensor, where it is taken.
    fn source(self) -> Option<Part<'a>> {
        self.other().filter(|_| !matches!(self, Fate::Differs(_)))
    }

    /// Why nothing is taken for `part`.
    fn misfit(self, part: &Part<'_>) -> String {
        let own = &part.stored.shape;
        match self {
            Fate::Differs(other) => format!("{own:?} ({:?} there)", other.stored.shape),
            _ => format!("{own:?} (not there)"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{Begins, TensorId, View};

    /// A layer's index, its type, and its variables with their shapes.
    type Line<'a> = (usize, &'static str, &'a [(&'a str, &'a [u32])]);

    fn stored(lines: &[Line<'_>]) -> Vec<(usize, &'static str, Stored)> {
        let mut all = Vec::new();
        for (index, kind, variables) in lines {
            for (variable, shape) in *variables {
                let name = format!("generator/parameter/{index}.{variable}");
                let view = View { tensor: TensorId(0), offset: 0, len: shape.iter().product() };
                let begins = Begins::Constant { value: 0.0 };
                all.push((*index, *kind, Stored { name, view, shape: shape.to_vec(), begins, owner: "generator" }));
            }
        }
        all
    }

    fn layers<'a>(stored: &'a [(usize, &'static str, Stored)]) -> Vec<Layer<'a>> {
        let mut layers: Vec<Layer<'_>> = Vec::new();
        for (index, kind, stored) in stored {
            let variable = stored.name.rsplit('.').next().unwrap();
            let part = Part { stored, what: TAKEN[0], variable };
            match layers.last_mut().filter(|layer| layer.index == *index) {
                Some(layer) => layer.parts.push(part),
                None => layers.push(Layer { index: *index, kind, parts: vec![part] }),
            }
        }
        layers
    }

    /// What is told of a network of `new` layers that takes what fits of `old` ones.
    fn told(new: &[Line<'_>], old: &[Line<'_>]) -> Vec<String> {
        let (new, old) = (stored(new), stored(old));
        let (new, old) = (layers(&new), layers(&old));
        let classes = Classes::named(&[], &[]);
        tell("g", &new, &old, &align(&new, &old, &classes), &classes)
    }

    const DENSE: &[(&str, &[u32])] = &[("weight", &[1, 4, 8]), ("bias", &[8])];
    const SQUARE: &[(&str, &[u32])] = &[("weight", &[9, 8, 8])];

    #[test]
    fn layers_are_aligned_in_order() {
        let plain: &[Line<'_>] = &[(0, "dense", DENSE), (2, "conv", SQUARE), (4, "conv", SQUARE)];
        assert_eq!(told(plain, plain), ["g: all is taken"]);
        let shifted: &[Line<'_>] =
            &[(0, "embedding", &[("table", &[10, 4])]), (1, "dense", DENSE), (3, "conv", SQUARE), (5, "conv", SQUARE)];
        assert_eq!(
            told(shifted, plain),
            ["g: taken: layers 1 to 5 (0 to 4 there)", "g: begins anew: 0.table [10, 4] (not there)"]
        );
        assert_eq!(told(plain, shifted), ["g: taken: layers 0 to 4 (1 to 5 there)", "g: left there: 0.table"]);
        // Which of three alike is new cannot be told: the indices decide.
        let longer: &[Line<'_>] = &[(0, "dense", DENSE), (2, "conv", SQUARE), (4, "conv", SQUARE), (6, "conv", SQUARE)];
        assert_eq!(told(longer, plain), ["g: taken: layers 0 to 4", "g: begins anew: 6.weight [9, 8, 8] (not there)"]);
    }

    #[test]
    fn other_shapes_and_types_begin_anew() {
        let old: &[Line<'_>] = &[(0, "dense", DENSE), (2, "conv", SQUARE)];
        let new: &[Line<'_>] =
            &[(0, "dense", &[("weight", &[1, 5, 8]), ("bias", &[8])]), (2, "conv_transpose", SQUARE)];
        assert_eq!(
            told(new, old),
            [
                "g: taken: 0.bias",
                "g: begins anew: 0.weight [1, 5, 8] ([1, 4, 8] there), 2.weight [9, 8, 8] (not there)",
                "g: left there: 2.weight"
            ]
        );
    }

    #[test]
    fn rows_of_classes_are_taken_as_far_as_both_have_them() {
        let ten: [(&str, &[u32]); 2] = [("gain", &[10, 3]), ("shift", &[10, 3])];
        let twelve: [(&str, &[u32]); 2] = [("gain", &[12, 3]), ("shift", &[12, 3])];
        let old: &[Line<'_>] = &[(0, "embedding", &[("table", &[10, 4])]), (3, "class_affine", &ten)];
        let new: &[Line<'_>] = &[(0, "embedding", &[("table", &[7, 4])]), (2, "class_affine", &twelve)];
        assert_eq!(
            told(new, old),
            ["g: taken: 7 of 7 rows of 0.table, 10 of 12 rows of 2.gain (3 there), 10 of 12 rows of 2.shift (3 there)"]
        );
        // Rows of nothing else are.
        let old: &[Line<'_>] = &[(0, "dense", &[("weight", &[2, 4, 8])])];
        assert_eq!(
            told(&[(0, "dense", &[("weight", &[1, 4, 8])])], old),
            ["g: begins anew: 0.weight [1, 4, 8] ([2, 4, 8] there)"]
        );
    }

    #[test]
    fn a_projection_takes_the_layer_that_it_projects_beside() {
        let logit: [(&str, &[u32]); 2] = [("weight", &[16, 8, 1]), ("bias", &[1])];
        let classes: &[(&str, &[u32])] = &[logit[0], logit[1], ("classes", &[10, 8])];
        let new: &[Line<'_>] = &[(4, "projection", classes)];
        assert_eq!(
            told(new, &[(4, "dense", &logit)]),
            ["g: taken: 4.weight, 4.bias", "g: begins anew: 4.classes [10, 8] (not there)"]
        );
    }

    #[test]
    fn long_lists_are_cut() {
        let one: &[(&str, &[u32])] = &[("weight", &[1, 1, 1])];
        let new: Vec<Line<'_>> = (0..12).map(|index| (2 * index, "dense", one)).collect();
        let old: &[Line<'_>] = &[(22, "dense", one)];
        let told = told(&new, old);
        assert_eq!(told[0], "g: taken: layer 22");
        assert!(told[1].ends_with(", 14.weight [1, 1, 1] (not there) and 3 more"), "{told:?}");
    }
}
