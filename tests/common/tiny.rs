//! Networks of 8×8 images that take milliseconds a step.

use dcgan_gpu::model::config::Config;

/// A configuration with a generator of every kind of layer but the exotic ones, and this
/// discriminator, a TOML list of layers.
pub fn config(discriminator: &str) -> Config {
    super::config(&format!("{GENERATOR}\n[discriminator]\nlayers = {discriminator}\n"))
}

const GENERATOR: &str = r#"
preset = "quick"
image = { height = 8, width = 8, channels = 1 }
latent = { dim = 3 }
adam = { lr = 1e-3, beta1 = 0.5, beta2 = 0.99, epsilon = 1e-8 }
training = { order = "alternating", batch_size = 6, steps = 4, label_real = 1.0, label_fake = 0.0, instance_noise = 0.0 }
init = { weights = "normal", std = 0.3 }
output = { sample_every = 2, checkpoint_every = 2, keep = 2, log_every = 1, rows = 2, cols = 2, gif = "a.gif" }

[generator]
layers = [
    { type = "dense", shape = [2, 2, 4], bias = false },
    { type = "batch_norm" },
    { type = "relu" },
    { type = "conv_transpose", channels = 3, kernel = 4, stride = 2, padding = 1 },
    { type = "leaky_relu", slope = 0.1 },
    { type = "conv_transpose", channels = 1, kernel = 4, stride = 2, padding = 1 },
    { type = "tanh" },
]
"#;
