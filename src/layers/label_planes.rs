//! The class of an image as channels of its own.

use serde::{Deserialize, Serialize};

use super::{Backward, Example, Labels, Layer, Pass, Place, Placed, Tangent, check_classes, example};
use crate::kernels::class::append::{self, Planes};
use crate::plan::View;
use crate::shape::Shape;

/// A plane for each class behind the channels of each image, 1 for that of its label and 0 for the
/// others.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LabelPlanes {
    /// Planes.
    pub classes: u32,
    /// Images of a sample, which lie behind each other in its channels.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub pack: u32,
}

fn one() -> u32 {
    1
}

fn is_one(pack: &u32) -> bool {
    *pack == 1
}

pub(super) const EXAMPLES: &[Example] = &[
    example([3, 2, 2], 5, &[r#"type = "label_planes", classes = 3"#]),
    example([2, 2, 6], 3, &[r#"type = "label_planes", classes = 2, pack = 3"#, r#"type = "dense", units = 2"#]),
];

impl Layer for LabelPlanes {
    fn output(&self, input: Shape) -> Result<Shape, String> {
        check_classes(self.classes)?;
        if self.pack == 0 || !input.channels.is_multiple_of(self.pack) {
            return Err(format!("{} channels are no pack of {} images", input.channels, self.pack));
        }
        let channels = self.pack.checked_mul(self.classes).and_then(|planes| planes.checked_add(input.channels));
        Ok(Shape { channels: channels.unwrap_or(u32::MAX), ..input })
    }

    fn labels(&self) -> Option<Labels> {
        Some(Labels { classes: self.classes, per_sample: self.pack })
    }

    fn is_piecewise_linear(&self) -> bool {
        true
    }

    fn place(&self, mut place: Place<'_>) -> Box<dyn Placed> {
        Box::new(PlacedPlanes {
            images: place.batch * self.pack,
            channels: place.input.channels / self.pack,
            classes: self.classes,
            y: place.output_tensor(),
        })
    }
}

#[derive(Debug)]
struct PlacedPlanes {
    /// Of a batch.
    images: u32,
    /// Of an image.
    channels: u32,
    classes: u32,
    y: View,
}

impl Placed for PlacedPlanes {
    fn forward(&self, pass: &mut Pass<'_>, x: View) -> View {
        let views = Planes { x, labels: pass.labels(self.images), y: self.y };
        append::record_planes(pass.recorder, [self.channels, self.classes], 1.0, views);
        self.y
    }

    fn backward(&self, pass: &mut Pass<'_>, flow: Backward) -> View {
        if flow.input {
            let columns = [self.channels, self.channels + self.classes];
            append::record_leading(pass.recorder, columns, flow.dy, flow.dx);
        }
        flow.dx
    }

    /// The planes are constant, so their direction is 0.
    fn tangent(&self, pass: &mut Pass<'_>, flow: Tangent) -> View {
        let views = Planes { x: flow.t, labels: pass.labels(self.images), y: flow.ty };
        append::record_planes(pass.recorder, [self.channels, self.classes], 0.0, views);
        flow.ty
    }
}
