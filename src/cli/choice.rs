//! Arguments that choose one of a few values by its name.

use clap::builder::{PossibleValuesParser, TypedValueParser};

/// Takes the name of one of `all`.
pub fn one_of<T: Copy + Send + Sync + 'static>(
    all: &'static [T],
    name: fn(T) -> &'static str,
) -> impl TypedValueParser<Value = T> {
    let find = move |chosen: String| all.iter().copied().find(|value| name(*value) == chosen);
    PossibleValuesParser::new(all.iter().map(move |value| name(*value)))
        .map(move |chosen| find(chosen).expect("only the names of the list come through"))
}
