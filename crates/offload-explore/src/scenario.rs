use crate::client::Client;
use crate::machine::World;
use crate::program::Program;
use crate::{Invariant, actors};
use kernel_sim::{Explorer, Kernel, Progress, Reduction, ReplayToken, Replayed, Report, Strategy};
use offload_core::Design;
use sim_time::Duration;
use std::fmt;
use std::ops::ControlFlow;
use std::rc::Rc;

/// A program to be explored.
pub struct Scenario {
    /// Its name on a command line.
    pub name: &'static str,
    /// What happens in it, in a line.
    pub summary: &'static str,
    /// The bound on preemptions up to which an exhaustive search takes less than a minute.
    pub bound: u32,
    /// The bound at which all that it finds is found, in seconds.
    pub quick_bound: u32,
    /// Its orders are too many for an exhaustive search, whatever the bound: it is for random strategies.
    pub sampled: bool,
    /// What is found in it, up to `quick_bound`. All other pairs of design and client are without a finding there; with
    /// [`Design::Fixed`] nothing is found up to `bound` either.
    pub finds: &'static [Finds],
    /// For which class drivers it makes sense.
    pub(crate) clients: &'static [Client],
    pub(crate) program: &'static Program,
}

/// A defect that a search of a scenario finds.
#[derive(Clone, Copy, Debug)]
pub struct Finds {
    /// Its name in the reference (`B1`, `L-A`), or what it is.
    pub defect: &'static str,
    /// The designs that have it.
    pub designs: &'static [Design],
    /// The class drivers that show it.
    pub clients: &'static [Client],
    /// The [`name`](kernel_sim::Verdict::name) of the verdict.
    pub verdict: &'static str,
    /// Words of the verdict that tell it from others of that name.
    pub says: &'static str,
}

/// How a scenario is searched.
#[derive(Clone, Debug)]
pub struct Search {
    /// How runs are chosen.
    pub strategy: Strategy,
    /// Whether runs are left out that come to the same as others.
    pub reduction: Reduction,
    /// Runs after which the search ends; `None` is the explorer's own limit.
    pub max_schedules: Option<u64>,
    /// Findings of different kinds after which the search ends.
    pub max_findings: usize,
    /// Runs that the shrinking of a finding may take.
    pub shrinking: u64,
}

impl Search {
    /// A search that ends with the first finding, which is made as short as can be.
    pub fn new(strategy: Strategy) -> Self {
        Self {
            strategy,
            reduction: Reduction::default(),
            max_schedules: None,
            max_findings: 1,
            shrinking: 20_000,
        }
    }
}

/// The virtual time that a run may take: several waits for a DSP and a system sleep.
const TIME_LIMIT: Duration = Duration::from_secs(120);

impl Scenario {
    /// The defects that a search of it finds in some design.
    pub fn defects(&self) -> impl Iterator<Item = &'static str> + use<> {
        self.finds.iter().map(|finds| finds.defect)
    }

    /// The invariants that are checked in it, with a design that has the defects of the kernel. With ours all are.
    pub fn watches(&self) -> &'static [Invariant] {
        self.program.watches
    }

    /// Whether it makes sense for that design and class driver.
    pub fn supports(&self, _design: Design, client: Client) -> bool {
        self.clients.contains(&client)
    }

    /// What is found with that design and class driver.
    pub fn found_with(&self, design: Design, client: Client) -> impl Iterator<Item = &'static Finds> {
        let concerned =
            move |finds: &&Finds| finds.designs.contains(&design) && finds.clients.contains(&client);
        self.finds.iter().filter(concerned)
    }

    /// Searches it. `progress` is called now and then and may end the search.
    pub fn explore(
        &self,
        design: Design,
        client: Client,
        search: &Search,
        progress: impl FnMut(&Progress) -> ControlFlow<()>,
    ) -> Report {
        let explorer = explorer(search.strategy)
            .reduction(search.reduction)
            .early_time_outs(self.program.held_up)
            .max_findings(search.max_findings)
            .shrinking(search.shrinking)
            .on_progress(progress);
        let explorer = match search.max_schedules {
            Some(schedules) => explorer.max_schedules(schedules),
            None => explorer,
        };
        explorer.explore(|kernel| self.world(kernel, design, client))
    }

    /// Makes the run of a token again.
    pub fn replay(&self, design: Design, client: Client, token: &ReplayToken) -> Replayed {
        let any = Strategy::RandomWalk { seed: 0 };
        explorer(any).replay(token, |kernel| self.world(kernel, design, client))
    }

    fn world(&self, kernel: &Kernel, design: Design, client: Client) -> Rc<World> {
        let world = World::new(kernel, self.program, design, client);
        actors::begin(&world);
        actors::spawn(&world);
        world
    }
}

fn explorer<'a>(strategy: Strategy) -> Explorer<'a> {
    Explorer::new(strategy).time_limit(TIME_LIMIT)
}

impl fmt::Debug for Scenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scenario").field("name", &self.name).finish_non_exhaustive()
    }
}
