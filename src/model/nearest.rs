//! Names that were perhaps meant by one that is not known.

/// The candidate most like `name`, where one is alike.
pub fn nearest<'a>(name: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    // Comparing takes time and room with the product of the lengths.
    candidates
        .filter(|candidate| name.len() <= 2 * candidate.len() + 2)
        .map(|candidate| (strsim::damerau_levenshtein(name, candidate), candidate))
        .filter(|(distance, candidate)| *distance <= candidate.len().max(name.len()) / 3 + 1)
        .min()
        .map(|(_, candidate)| candidate)
}
