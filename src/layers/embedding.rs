//! A learned vector for each class, put behind the latents.

use serde::{Deserialize, Serialize};

use super::{
    Backward, Cost, Example, Labels, Layer, Pass, Place, Placed, Variable, VariableKind, check_classes, example, linear,
};
use crate::kernels::class::append::{self, Embed};
use crate::kernels::class::{self, GradTable, Rows};
use crate::plan::View;
use crate::shape::Shape;

/// The input, a vector, and behind it the row of a sample's class in a learned table of `size`
/// columns.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Embedding {
    /// Rows of the table.
    pub classes: u32,
    /// Values that a class adds.
    pub size: u32,
}

pub(super) const EXAMPLES: &[Example] = &[
    example([1, 1, 4], 7, &[r#"type = "embedding", classes = 3, size = 5"#]),
    example([1, 1, 2], 3, &[r#"type = "embedding", classes = 1, size = 1"#, r#"type = "dense", units = 4"#]),
];

impl Layer for Embedding {
    fn output(&self, input: Shape) -> Result<Shape, String> {
        check_classes(self.classes)?;
        if self.size == 0 {
            return Err("size 0 adds nothing; it is 1 or more".to_string());
        }
        if input.pixels() != 1 {
            return Err("needs a vector (1×1×n)".to_string());
        }
        Ok(Shape::vector(input.channels.saturating_add(self.size)))
    }

    fn cost(&self, _input: Shape, _output: Shape) -> Cost {
        Cost { products: 0, weights: u64::from(self.classes) * u64::from(self.size) }
    }

    fn variables(&self, _input: Shape, _output: Shape) -> Vec<Variable> {
        vec![Variable { name: "table", shape: vec![self.classes, self.size], kind: VariableKind::Embedding }]
    }

    fn labels(&self) -> Option<Labels> {
        Some(Labels { classes: self.classes, per_sample: 1 })
    }

    fn place(&self, mut place: Place<'_>) -> Box<dyn Placed> {
        Box::new(PlacedEmbedding {
            batch: place.batch,
            input: place.input.channels,
            width: self.size,
            table: place.variables[0],
            gradient: place.gradients.first().copied(),
            y: place.output_tensor(),
        })
    }
}

#[derive(Debug)]
struct PlacedEmbedding {
    batch: u32,
    input: u32,
    width: u32,
    table: View,
    gradient: Option<View>,
    y: View,
}

impl Placed for PlacedEmbedding {
    fn forward(&self, pass: &mut Pass<'_>, x: View) -> View {
        let views = Embed { x, labels: pass.labels(self.batch), table: self.table, y: self.y };
        append::record_embed(pass.recorder, self.width, views);
        self.y
    }

    fn backward(&self, pass: &mut Pass<'_>, flow: Backward) -> View {
        let stride = self.input + self.width;
        if flow.parameters {
            let (labels, dy) = (pass.labels(self.batch), linear::loss_gradient(pass, stride, flow.dy, flow.scaling));
            let rows = Rows { groups: 1, rows: self.batch, stride, first: self.input, channels: self.width };
            let table = self.gradient.expect("placed to go back");
            class::record_grad_table(pass.recorder, rows, GradTable { labels, dy, table });
        }
        if flow.input {
            append::record_leading(pass.recorder, [self.input, stride], flow.dy, flow.dx);
        }
        flow.dx
    }
}
