//! Which values the settings of a plan take together.

use toml::Value;

use super::plan::{Method, Plan};
use crate::error::{Error, Result};
use crate::random::{Draws, stream};

/// The most choices, and the most runs: their folders have four digits.
pub const MOST: usize = 9999;
/// Draws for each choice that is wanted, before too few different ones are taken to exist.
const PATIENCE: u32 = 1000;

/// One value for each setting of the plan, in its order.
pub type Choice = Vec<Value>;

/// All choices of a plan. Choice `i` of a random plan depends on the seed and on `i` alone, but for
/// those that were drawn before.
///
/// # Errors
/// A usage error naming the plan and the key.
pub fn choices(plan: &Plan) -> Result<Vec<Choice>> {
    match plan.method {
        Method::Grid => grid(plan),
        Method::Random { runs, seed } => drawn(plan, runs, seed),
    }
}

/// All values with all; those of the last setting change first.
fn grid(plan: &Plan) -> Result<Vec<Choice>> {
    let mut choices = vec![Vec::new()];
    for varied in &plan.settings {
        let values = varied.values.of_grid(&varied.key).map_err(|e| plan.at(varied.line, &e))?;
        if choices.len() * values.len() > MOST {
            let message = format!("with `{}` the grid has more than {MOST} choices; try fewer values", varied.key);
            return Err(plan.at(varied.line, &message));
        }
        let with = |choice: Choice| values.iter().map(move |value| [&choice[..], std::slice::from_ref(value)].concat());
        choices = choices.into_iter().flat_map(with).collect();
    }
    Ok(choices)
}

/// `runs` different choices.
fn drawn(plan: &Plan, runs: u32, seed: u64) -> Result<Vec<Choice>> {
    let path = plan.path.display();
    if runs as usize > MOST {
        return Err(Error::usage(format!("{path}: `runs` = {runs}; at most {MOST} are possible")));
    }
    for varied in &plan.settings {
        if let Some(problem) = varied.values.not_for_drawing(&varied.key) {
            return Err(plan.at(varied.line, &problem));
        }
    }
    let mut choices: Vec<Choice> = Vec::new();
    for draw in 0..runs.saturating_mul(PATIENCE) {
        if choices.len() == runs as usize {
            break;
        }
        let draws = Draws::new(seed, stream::SWEEP, draw);
        let choice: Choice =
            (0..).zip(&plan.settings).map(|(i, varied)| varied.values.drawn(draws.uniform(i))).collect();
        if !choices.contains(&choice) {
            choices.push(choice);
        }
    }
    match choices.len() {
        found if found < runs as usize => {
            let remedy = "lower `runs`, or give more values";
            Err(Error::usage(format!(
                "{path}: `runs` = {runs}, but there are only {found} different choices; {remedy}"
            )))
        }
        _ => Ok(choices),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn of(text: &str) -> Result<Vec<String>> {
        let choices = choices(&Plan::from_text(text, Path::new("p.toml"))?)?;
        let text = |choice: &Choice| choice.iter().map(Value::to_string).collect::<Vec<_>>().join(" ");
        Ok(choices.iter().map(text).collect())
    }

    #[test]
    fn a_grid_has_all_with_all() {
        assert_eq!(of("[settings]\na = [1, 2]\nb = [3, 4]\nc = 5").unwrap(), ["1 3 5", "1 4 5", "2 3 5", "2 4 5"]);
        assert_eq!(of("").unwrap(), [""], "one run with nothing changed");
        let big = format!("[settings]\na = {:?}\nb = {:?}", (0..100).collect::<Vec<_>>(), (0..100).collect::<Vec<_>>());
        assert!(of(&big).unwrap_err().to_string().contains("p.toml:3: with `b` the grid has more than 9999 choices"));
    }

    #[test]
    fn choices_are_drawn_from_the_seed_each_once_and_the_first_stay() {
        let draw = |runs, seed| {
            let range = "{ from = 1e-5, to = 1e-2, scale = \"log\" }";
            of(&format!(
                "method = \"random\"\nruns = {runs}\nseed = {seed}\n[settings]\n\"adam.lr\" = {range}\nb = [1, 2]"
            ))
        };
        let twenty = draw(20, 7).unwrap();
        assert_eq!(draw(5, 7).unwrap(), twenty[..5]);
        assert_ne!(draw(5, 8).unwrap(), twenty[..5]);
        let few = of("method = \"random\"\nruns = 4\n[settings]\na = [1, 2]\nb = [3, 4]").unwrap();
        assert_eq!(few.iter().collect::<std::collections::BTreeSet<_>>().len(), 4);
        let error = of("method = \"random\"\nruns = 5\n[settings]\na = [1, 2]\nb = [3, 4]").unwrap_err().to_string();
        assert!(error.contains("there are only 4 different choices"), "{error}");
        let error = of("method = \"random\"\nruns = 5\n[settings]\na = { from = 1, to = 9, steps = 3 }").unwrap_err();
        assert!(error.to_string().contains("`steps` is for a grid"), "{error}");
    }
}
