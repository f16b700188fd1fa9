use kernel_sim::ReplayToken;
use offload_core::Design;
use offload_explore::{Client, Scenario, scenario};
use std::fmt;
use std::str::FromStr;

/// One run, wherever it is made again: `unbind/legacy/qc/ks1-3:1-9f03c6d1-5a1b`.
#[derive(Clone)]
pub(crate) struct RunToken {
    pub(crate) scenario: &'static Scenario,
    pub(crate) design: Design,
    pub(crate) client: Client,
    pub(crate) run: ReplayToken,
}

impl RunToken {
    /// For the names of files.
    pub(crate) fn stem(&self) -> String {
        format!("{}-{}-{}", self.scenario.name, self.design, self.client)
    }
}

impl FromStr for RunToken {
    /// In one line.
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let fields: Vec<&str> = text.trim().split('/').collect();
        let &[name, design, client, run] = fields.as_slice() else {
            return Err("a token is SCENARIO/DESIGN/CLIENT/RUN, as explore prints it".into());
        };
        let scenario = scenario(name).ok_or_else(|| format!("there is no scenario `{name}`"))?;
        let design: Design = design.parse().map_err(|error| format!("{error}"))?;
        let client: Client = client.parse().map_err(|error| format!("{error}"))?;
        if !scenario.supports(design, client) {
            return Err(format!("{name} is not for {design} with {client}"));
        }
        let run = run.parse().map_err(|error: kernel_sim::TokenError| error.to_string())?;
        Ok(Self { scenario, design, client, run })
    }
}

impl fmt::Display for RunToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}/{}", self.scenario.name, self.design, self.client, self.run)
    }
}

impl fmt::Debug for RunToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
