//! A look at what was read: whether anything can be learnt from it, and what probably went wrong.

use std::collections::HashSet;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};

use rayon::prelude::*;

use super::picture::Seen;
use super::range::Span;
use super::reading::Ground;
use crate::shape::Shape;

/// The share of images that are of one colour, and of those that are the same as others, from which
/// on they are told of.
const FLAT: f64 = 0.05;
const SAME: f64 = 0.1;

/// What images have in common.
#[derive(Clone, Copy, Debug)]
pub struct Survey {
    count: usize,
    span: Option<Span>,
    /// Pictures of which nothing is to be seen.
    invisible: u32,
    /// Images of one colour.
    flat: usize,
    /// Images that are not the same as an earlier one.
    distinct: usize,
    /// The first pixel, of which grey has one value.
    first: [u8; 3],
    channels: usize,
}

impl Survey {
    /// Looks at images of `shape` whose files had the values `span`.
    pub fn new(pixels: &[u8], shape: Shape, span: Option<Span>, invisible: u32) -> Survey {
        let channels = shape.channels as usize;
        let look = |image: &[u8]| {
            let mut hasher = DefaultHasher::new();
            image.hash(&mut hasher);
            let is_flat = image.chunks_exact(channels).all(|pixel| pixel == &image[..channels]);
            (hasher.finish(), is_flat)
        };
        let looks: Vec<_> = pixels.par_chunks_exact(shape.bytes()).map(look).collect();
        Survey {
            count: looks.len(),
            span,
            invisible,
            flat: looks.iter().filter(|(_, is_flat)| *is_flat).count(),
            distinct: looks.iter().map(|(hash, _)| hash).collect::<HashSet<_>>().len(),
            first: [0, 1, 2].map(|channel| pixels.get(channel).copied().unwrap_or(0)),
            channels,
        }
    }

    /// Why nothing can be learnt from the images, if that is so.
    pub fn refusal(&self) -> Option<String> {
        let Survey { count, first, channels, .. } = *self;
        let first = first.iter().take(channels).map(u8::to_string).collect::<Vec<_>>().join(", ");
        let nothing = self.distinct == 1 && self.flat == count;
        let range = self.span.and_then(|span| span.remark()).map_or(String::new(), |remark| format!(" ({remark})"));
        nothing.then(|| {
            format!(
                "nothing can be learnt from images that are all of one colour: each pixel of all {count} is {first}{range}; \
                 look at the files, and give others"
            )
        })
    }

    /// What probably went wrong, and what to do: a line, where there is something.
    pub fn remark(&self) -> Option<String> {
        let Survey { count, invisible, flat, distinct, .. } = *self;
        let share = |part: usize| part as f64 / count as f64;
        let same = count - distinct;
        let lines = [
            self.span.and_then(|span| span.remark()),
            (invisible > 0).then(|| format!("{invisible} of {count} pictures are wholly transparent; remove them")),
            (share(flat) >= FLAT && flat > invisible as usize)
                .then(|| format!("{flat} of {count} images are of one colour each; remove them unless they are meant")),
            (share(same) >= SAME).then(|| match distinct {
                1 => format!("all {count} images are the same; give others, or it will be learnt by heart"),
                _ => format!("{same} of {count} images are the same as another one; give more that differ"),
            }),
        ];
        let lines: Vec<_> = lines.into_iter().flatten().collect();
        (!lines.is_empty()).then(|| lines.join("; "))
    }
}

/// What all pictures of a folder have, beside their pixels.
#[derive(Clone, Copy, Debug, Default)]
pub struct Pictures {
    /// `None` where they are of different depths, or there are none.
    span: Option<Span>,
    transparent: u32,
    invisible: u32,
}

impl Pictures {
    /// What each of them has.
    pub fn of(pictures: impl Iterator<Item = Seen>) -> Pictures {
        let mut all = Pictures::default();
        let mut are_alike = true;
        for seen in pictures {
            match &mut all.span {
                Some(span) if span.range() == seen.span.range() => span.join(seen.span),
                Some(_) => are_alike = false,
                none => *none = Some(seen.span),
            }
            all.transparent += u32::from(seen.is_transparent);
            all.invisible += u32::from(seen.is_invisible);
        }
        all.span = all.span.filter(|_| are_alike);
        all
    }

    /// Their values.
    pub fn span(&self) -> Option<Span> {
        self.span
    }

    /// How many are wholly transparent.
    pub fn invisible(&self) -> u32 {
        self.invisible
    }

    /// On which ground those lie that something shines through, where there are such.
    pub fn ground(&self, ground: Ground) -> Option<String> {
        let (count, other) = (self.transparent, if ground.is_black() { " (--background chooses another)" } else { "" });
        (count > 0).then(|| format!("{count} are transparent and lie on {ground}{other}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHAPE: Shape = Shape { height: 1, width: 2, channels: 1 };

    fn survey(pixels: &[u8]) -> Survey {
        Survey::new(pixels, SHAPE, Some(Span::of_bytes(pixels)), 0)
    }

    #[test]
    fn one_colour_is_refused() {
        let refusal = survey(&[1, 1, 1, 1]).refusal().unwrap();
        assert!(refusal.contains("each pixel of all 2 is 1 (the values lie between 1 and 1, "), "{refusal}");
        assert!(refusal.contains("--data-range 0,1"), "{refusal}");
        for sound in [&[1, 1, 1, 2][..], &[1, 1, 2, 2], &[1, 2, 1, 2]] {
            assert_eq!(survey(sound).refusal(), None);
        }
    }

    #[test]
    fn what_is_degenerate_is_told() {
        let remark = |pixels: &[u8]| survey(pixels).remark();
        assert_eq!(remark(&[0, 255, 255, 0]), None);
        assert!(remark(&[0, 1, 1, 0]).unwrap().starts_with("the values lie between 0 and 1"));
        assert!(remark(&[0, 200, 7, 7]).unwrap().starts_with("1 of 2 images are of one colour each"));
        assert!(remark(&[0, 200, 0, 200]).unwrap().starts_with("all 2 images are the same"));
        assert!(remark(&[0, 200, 0, 200, 200, 0]).unwrap().starts_with("1 of 3 images are the same as another"));
        let transparent = Survey::new(&[0, 200, 0, 0], SHAPE, None, 1).remark().unwrap();
        assert_eq!(transparent, "1 of 2 pictures are wholly transparent; remove them");
    }
}
