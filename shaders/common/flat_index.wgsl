// The index of an invocation in a one-dimensional job that `flat_workgroups` folded into rows of
// GROUPS_X workgroups.
const FLAT_SIZE = 64u;

fn flat_index(workgroup: vec3u, local: u32) -> u32 {
    return (workgroup.y * GROUPS_X + workgroup.x) * FLAT_SIZE + local;
}
