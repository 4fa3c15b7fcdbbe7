//! The settings as flags and variables.

use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Args, Command, Error, FromArgMatches};

use crate::settings::{Chosen, Kind, SETTINGS, Said, Setting, Source};

/// What the command line and the environment say about the settings.
#[derive(Debug, Default)]
pub(crate) struct Given(pub(crate) Said);

impl Args for Given {
    fn augment_args(command: Command) -> Command {
        command.args(SETTINGS.iter().map(arg))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for Given {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        let said = |setting: &Setting| {
            let source = match matches.value_source(setting.name)? {
                ValueSource::CommandLine => Source::Flag,
                ValueSource::EnvVariable => Source::Environment,
                _ => return None,
            };
            let values = matches.get_many::<String>(setting.name)?;
            Some(Chosen {
                source,
                values: values.cloned().collect(),
            })
        };
        Ok(Self(SETTINGS.iter().map(said).collect()))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

fn arg(setting: &'static Setting) -> Arg {
    let default = setting.default_text();
    let help = match setting.kind {
        Kind::Switch => setting.help.to_owned(),
        _ if default.is_empty() => setting.help.to_owned(),
        _ => format!("{} [default: {default}]", setting.help),
    };
    let parse = |text: &str| setting.check(text).map(|()| text.to_owned());
    let arg = Arg::new(setting.name)
        .long(setting.flag)
        .env(setting.variable)
        .hide_env_values(true)
        .help(help)
        .help_heading(setting.group)
        .value_parser(parse);
    match setting.kind {
        Kind::Text(name) | Kind::Number(name) => arg.value_name(name),
        Kind::List(name) => arg
            .value_name(name)
            .value_delimiter(',')
            .action(ArgAction::Append),
        Kind::Switch => arg
            .value_name("BOOL")
            .num_args(0..=1)
            .require_equals(true)
            .default_missing_value("true"),
    }
}
