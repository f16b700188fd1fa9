use offload_core::Design;
use offload_explore::{Client, scenarios};
use std::collections::BTreeSet;
use std::io::{self, Write};

/// Scenarios with what is found in them, designs, class drivers.
pub(crate) fn print(out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "Scenarios:")?;
    for scenario in scenarios() {
        let clients = Client::ALL.into_iter().filter(|client| scenario.supports(Design::V4, *client));
        let clients: Vec<&str> = clients.map(Client::name).collect();
        writeln!(out, "  {} ({}; bound {})", scenario.name, clients.join(", "), scenario.bound)?;
        writeln!(out, "      {}", scenario.summary)?;
        let defects: BTreeSet<&str> = scenario.defects().collect();
        if !defects.is_empty() {
            let defects: Vec<&str> = defects.into_iter().collect();
            writeln!(out, "      finds {}", defects.join(", "))?;
        }
    }
    writeln!(out, "\nDesigns:")?;
    for design in Design::ALL {
        writeln!(out, "  {design:<7} {}", design.summary())?;
    }
    writeln!(out, "\nClass drivers:")?;
    writeln!(out, "  qc      in the style of Qualcomm's: tears its streams down in its suspend callback")?;
    writeln!(out, "  aoc     in the style of Google's AoC driver: streams through system sleep")
}
