//! The samples of a decoded picture: brought to 8 bits, and laid on a ground where something shines
//! through.

use image::{ColorType, DynamicImage};

use super::Seen;
use crate::data::images::pixel;
use crate::data::range::{Range, Span};
use crate::data::reading::{Ground, Reading};
use crate::error::Result;

/// Opaque samples of 8 bits.
#[derive(Debug)]
pub(super) struct Samples {
    /// 1 or 3.
    pub(super) channels: u32,
    /// `[height][width][channels]`.
    pub(super) values: Vec<u8>,
}

impl Samples {
    /// Those of a picture, as `reading` says.
    ///
    /// # Errors
    ///
    /// A data error when a sample is outside of a range that was chosen.
    pub(super) fn of(picture: DynamicImage, reading: &Reading) -> Result<(Samples, Seen)> {
        let colour = picture.color();
        let (all, colours) = (usize::from(colour.channel_count()), if colour.has_color() { 3 } else { 1 });
        let range = reading.range;
        let (values, span) = match colour {
            ColorType::L16 | ColorType::La16 | ColorType::Rgb16 | ColorType::Rgba16 => words(&picture, range, colours)?,
            ColorType::Rgb32F | ColorType::Rgba32F => floats(&picture, range, colours)?,
            _ => bytes(picture, range, all, colours)?,
        };
        let mut seen = Seen { span, is_transparent: false, is_invisible: false };
        let values = if all > colours { grounded(&values, colours, reading.ground, &mut seen) } else { values };
        // Grey that shines through may lie on a colour.
        let channels = if all > colours { 3 } else { colours as u32 };
        Ok((Samples { channels, values }, seen))
    }
}

/// Samples of 8 bits, alpha with them.
fn bytes(picture: DynamicImage, range: Option<Range>, all: usize, colours: usize) -> Result<(Vec<u8>, Span)> {
    let mut values = picture.into_bytes();
    let span = Span::of_bytes(values.chunks_exact(all).flat_map(|pixel| &pixel[..colours]));
    let span = span.within(range.unwrap_or(Range::BYTES));
    if let Some(range) = range {
        for samples in values.chunks_exact_mut(all) {
            for value in &mut samples[..colours] {
                *value = pixel((*value).into(), range)?;
            }
        }
    }
    Ok((values, span))
}

/// Samples of 16 bits, alpha with them.
fn words(picture: &DynamicImage, range: Option<Range>, colours: usize) -> Result<(Vec<u8>, Span)> {
    let (samples, all): (&[u16], _) = match picture {
        DynamicImage::ImageLuma16(image) => (image.as_raw(), 1),
        DynamicImage::ImageLumaA16(image) => (image.as_raw(), 2),
        DynamicImage::ImageRgb16(image) => (image.as_raw(), 3),
        DynamicImage::ImageRgba16(image) => (image.as_raw(), 4),
        _ => (&[], 1),
    };
    let mut span = Span::of(range.unwrap_or(Range::WORDS));
    for pixel in samples.chunks_exact(all) {
        pixel[..colours].iter().for_each(|&value| span.add(value.into()));
    }
    let Some(range) = range else {
        // As `image` rounds.
        let values = match picture.color() {
            ColorType::L16 => picture.to_luma8().into_raw(),
            ColorType::La16 if all == 2 => picture.to_luma_alpha8().into_raw(),
            ColorType::Rgb16 => picture.to_rgb8().into_raw(),
            _ => picture.to_rgba8().into_raw(),
        };
        return Ok((values, span));
    };
    let mut values = Vec::with_capacity(samples.len());
    for samples in samples.chunks_exact(all) {
        for &value in &samples[..colours] {
            values.push(pixel(value.into(), range)?);
        }
        values.extend(samples[colours..].iter().map(|alpha| (alpha >> 8) as u8));
    }
    Ok((values, span))
}

/// Samples that are floats, alpha with them.
fn floats(picture: &DynamicImage, chosen: Option<Range>, colours: usize) -> Result<(Vec<u8>, Span)> {
    let (samples, all): (&[f32], _) = match picture {
        DynamicImage::ImageRgb32F(image) => (image.as_raw(), 3),
        DynamicImage::ImageRgba32F(image) => (image.as_raw(), 4),
        _ => (&[], 3),
    };
    let range = chosen.unwrap_or(Range::UNIT).single();
    let mut span = Span::of(range);
    let mut values = Vec::with_capacity(samples.len());
    for samples in samples.chunks_exact(all) {
        for &value in &samples[..colours] {
            span.add(value.into());
            values.push(pixel(value.into(), range)?);
        }
        values.extend(samples[colours..].iter().map(|alpha| (alpha.clamp(0.0, 1.0) * 255.0).round() as u8));
    }
    Ok((values, span))
}

/// Colours as they look on a ground; `samples` have `colours` and alpha.
fn grounded(samples: &[u8], colours: usize, ground: Ground, seen: &mut Seen) -> Vec<u8> {
    let mut out = Vec::with_capacity(samples.len() / (colours + 1) * 3);
    seen.is_invisible = true;
    for pixel in samples.chunks_exact(colours + 1) {
        let alpha = pixel[colours];
        seen.is_transparent |= alpha < 255;
        seen.is_invisible &= alpha == 0;
        for (channel, ground) in ground.0.into_iter().enumerate() {
            let value = u32::from(pixel[channel.min(colours - 1)]);
            let alpha = u32::from(alpha);
            out.push(((value * alpha + u32::from(ground) * (255 - alpha) + 127) / 255) as u8);
        }
    }
    out
}
