//! Reduction against the search without it, over programs that chance wrote: the same ends, with and without a bound
//! on preemptions.
use crate::programs::WORD;
use kernel_sim::{
    CheckAt, Coverage, Explorer, Kernel, LockClass, Mutex, Object, Reduction, Report, Strategy as Search,
    TaskKind, WaitQueue,
};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use sim_time::Duration;
use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::fmt::Write;
use std::pin::Pin;
use std::rc::Rc;

/// What a task does next.
#[derive(Clone, Debug)]
enum Op {
    /// With the lock of that number held.
    Locked(usize, Vec<Self>),
    /// Takes the word into its register.
    Read,
    /// Writes its register and its own number to the word.
    Write,
    /// Sets the flag and wakes who waits for it.
    Signal,
    /// Waits for the flag, for 1 ms at most, and notes whether it came.
    Await,
    /// Notes what the world answers.
    Choose,
    /// A step that touches nothing.
    Nothing,
}

/// The ends that runs came to.
type Ends = Rc<RefCell<BTreeSet<String>>>;

#[derive(Clone)]
struct World {
    kernel: Kernel,
    locks: [Mutex<String>; 2],
    word: Rc<Cell<u32>>,
    flag: Rc<Cell<bool>>,
    queue: WaitQueue,
}

struct TaskState {
    number: u32,
    register: Cell<u32>,
    notes: RefCell<String>,
}

fn run<'a>(world: &'a World, task: &'a TaskState, ops: &'a [Op]) -> Pin<Box<dyn Future<Output = ()> + 'a>> {
    Box::pin(async move {
        let kernel = &world.kernel;
        for op in ops {
            match op {
                Op::Locked(lock, body) => {
                    let mut owners = world.locks[*lock].lock().await;
                    write!(owners, "{}", task.number).unwrap();
                    run(world, task, body).await;
                }
                Op::Read => {
                    kernel.step("read", &[WORD.read()]).await;
                    task.register.set(world.word.get());
                }
                Op::Write => {
                    kernel.step("write", &[WORD.write()]).await;
                    world.word.set(task.register.get() * 4 + task.number);
                }
                Op::Signal => {
                    kernel.step("signal", &[Object::new("flag").write()]).await;
                    world.flag.set(true);
                    world.queue.wake_all();
                }
                Op::Await => {
                    let came = world.queue.wait_until_timeout(Duration::from_millis(1), || world.flag.get());
                    let came = came.await;
                    write!(task.notes.borrow_mut(), "{came} ").unwrap();
                }
                Op::Choose => {
                    kernel.step("choose", &[]).await;
                    write!(task.notes.borrow_mut(), "{} ", kernel.choose("a bit", 2)).unwrap();
                }
                Op::Nothing => kernel.step("nothing", &[]).await,
            }
        }
    })
}

fn build(kernel: &Kernel, program: &[Vec<Op>], ends: &Ends) {
    let lock = |name| Mutex::new(kernel, LockClass::new(name), name, String::new());
    let world = World {
        kernel: kernel.clone(),
        locks: [lock("A"), lock("B")],
        word: Rc::default(),
        flag: Rc::default(),
        queue: WaitQueue::new(kernel, "the flag"),
    };
    let tasks: Vec<_> = (1..)
        .zip(program)
        .map(|(number, _)| Rc::new(TaskState { number, register: Cell::new(0), notes: RefCell::default() }))
        .collect();
    for (task, ops) in tasks.iter().zip(program) {
        let (world, task, ops) = (world.clone(), task.clone(), ops.clone());
        let name = format!("task {}", task.number);
        kernel.spawn(TaskKind::Kernel, name, async move { run(&world, &task, &ops).await });
    }
    let ends = ends.clone();
    kernel.check("end", CheckAt::End, move || {
        let owners = |lock: &Mutex<String>| lock.try_lock().map_or_else(String::new, |owners| owners.clone());
        let mut end = format!("word {} A {}", world.word.get(), owners(&world.locks[0]));
        write!(end, " B {}", owners(&world.locks[1])).unwrap();
        for task in &tasks {
            write!(end, "; {} {}", task.register.get(), task.notes.borrow()).unwrap();
        }
        ends.borrow_mut().insert(end);
        Ok(())
    });
}

/// Everything that the program can come to, and the report; `None` if that takes too long.
fn ends(
    program: &[Vec<Op>],
    preemptions: Option<u32>,
    reduction: Reduction,
    early: bool,
) -> Option<(BTreeSet<String>, Report)> {
    const SCHEDULES_MAX: u64 = 6_000;
    let ends = Ends::default();
    let report = Explorer::new(Search::Exhaustive { preemptions })
        .reduction(reduction)
        .early_time_outs(early)
        .shrinking(0)
        .max_findings(usize::MAX)
        .max_schedules(SCHEDULES_MAX)
        .explore(|kernel| build(kernel, program, &ends));
    let mut ends = ends.take();
    ends.extend(report.findings.iter().map(|finding| match &finding.verdict {
        kernel_sim::Verdict::Deadlock(deadlock) => format!("deadlock of {:?}", deadlock.cycle),
        other => other.name().to_owned(),
    }));
    (report.schedules < SCHEDULES_MAX).then_some((ends, report))
}

fn op() -> impl Strategy<Value = Op> {
    let simple = prop_oneof![
        3 => Just(Op::Read),
        3 => Just(Op::Write),
        1 => Just(Op::Signal),
        1 => Just(Op::Await),
        1 => Just(Op::Choose),
        1 => Just(Op::Nothing),
    ];
    simple.prop_recursive(2, 4, 2, |inner| {
        (0..2usize, prop::collection::vec(inner, 0..3)).prop_map(|(lock, body)| Op::Locked(lock, body))
    })
}

fn program() -> impl Strategy<Value = Vec<Vec<Op>>> {
    prop_oneof![
        prop::collection::vec(prop::collection::vec(op(), 1..4), 2),
        prop::collection::vec(prop::collection::vec(op(), 1..3), 3),
    ]
}

proptest! {
    // The same programs each time, as everything here; more of them when the number is changed by hand.
    #![proptest_config(ProptestConfig {
        cases: 64,
        rng_seed: RngSeed::Fixed(1),
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn nothing_that_can_happen_is_left_out(program in program(), early: bool) {
        for preemptions in [Some(0), Some(1), Some(2), None] {
            let all = ends(&program, preemptions, Reduction::Off, early);
            let reduced = ends(&program, preemptions, Reduction::SleepSets, early);
            let (Some((all, all_report)), Some((reduced, reduced_report))) = (all, reduced) else { continue };
            prop_assert_eq!(&all, &reduced, "{:?}", preemptions);
            prop_assert!(reduced_report.schedules <= all_report.schedules);
            // What reduction leaves out may be all that the bound would have.
            let known = [all_report.coverage, Coverage::Complete];
            prop_assert!(known.contains(&reduced_report.coverage));
        }
    }
}

#[test]
fn reduction_leaves_out_most_of_what_does_not_matter() {
    let busy = |ops: &[Op]| vec![ops.to_vec(); 2];
    let nothing = busy(&[Op::Nothing, Op::Nothing, Op::Nothing, Op::Nothing]);
    let locked = busy(&[Op::Locked(0, vec![Op::Read, Op::Write]), Op::Nothing]);
    let racing = busy(&[Op::Read, Op::Write, Op::Read]);
    let mut table = String::new();
    for (name, program) in [("nothing", nothing), ("locked", locked), ("racing", racing)] {
        for preemptions in [Some(2), None] {
            let [all, reduced] = [Reduction::Off, Reduction::SleepSets]
                .map(|reduction| ends(&program, preemptions, reduction, false).unwrap().1.schedules);
            let bound = preemptions.map_or_else(|| "-".into(), |bound| bound.to_string());
            writeln!(table, "{name:<8} {bound} {all:>5} {reduced:>5}").unwrap();
        }
    }
    expect_test::expect![[r#"
        nothing  2    54    12
        nothing  -   252     6
        locked   2    46    30
        locked   -   122    11
        racing   2    36    26
        racing   -    70    13
    "#]]
    .assert_eq(&table);
}
