//! `-o`, of the commands that print text or JSON.

use clap::ValueEnum;

#[derive(Debug, clap::Args)]
pub(super) struct OutputArgs {
    /// The form: text, json for a script
    #[arg(
        short = 'o',
        long = "output",
        alias = "format",
        value_enum,
        default_value_t,
        hide_possible_values = true,
        value_name = "FORMAT"
    )]
    pub(super) form: Output,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum Output {
    #[default]
    Text,
    Json,
}
