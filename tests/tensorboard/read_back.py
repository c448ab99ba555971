"""What TensorBoard makes of a folder of event files, as one line of JSON: scalars and images by tag.

Both readers of the package are asked: the older one, and the one that its web page uses, which turns every value into a tensor.
"""

import json
import sys

from tensorboard.backend.event_processing import event_accumulator, plugin_event_accumulator
from tensorboard.util import tensor_util

folder = sys.argv[1]
# 0 keeps all.
everything = {"scalars": 0, "images": 0, "tensors": 0}

old = event_accumulator.EventAccumulator(folder, size_guidance=everything)
old.Reload()
new = plugin_event_accumulator.EventAccumulator(folder, size_guidance=everything)
new.Reload()

scalars = {tag: [[e.step, e.wall_time, e.value] for e in old.Scalars(tag)] for tag in old.Tags()["scalars"]}
images = {
    tag: [[e.step, e.wall_time, e.width, e.height, list(e.encoded_image_string)] for e in old.Images(tag)]
    for tag in old.Tags()["images"]
}
plugins = {tag: new.SummaryMetadata(tag).plugin_data.plugin_name for tag in new.Tags()["tensors"]}
tensors = {
    tag: [[e.step, float(tensor_util.make_ndarray(e.tensor_proto))] for e in new.Tensors(tag)]
    for tag, plugin in plugins.items()
    if plugin == "scalars"
}
print(json.dumps({"scalars": scalars, "images": images, "plugins": plugins, "tensors": tensors}))
