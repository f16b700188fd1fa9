//! The table of reference 3.1: every call in every state, as decided under `power.lock`.

use super::idle::IdleStep;
use super::resume::{Parent, ResumeStep};
use super::state::RuntimePm;
use super::status::{RpmDone, RpmFlags, RpmResult, RpmStatus};
use super::suspend::SuspendStep;
use crate::Errno;
use expect_test::expect;
use sim_time::{Duration, Instant};
use std::fmt::Write;

const DELAY: Duration = Duration::from_secs(2);
const NOW: Instant = Instant::from_ticks(Duration::from_secs(100).as_ticks());

#[derive(Clone, Copy)]
enum State {
    Enabled(RpmStatus),
    Disabled(RpmStatus),
}

const STATES: [(&str, State); 6] = [
    ("ACTIVE", State::Enabled(RpmStatus::Active)),
    ("SUSPENDING", State::Enabled(RpmStatus::Suspending)),
    ("SUSPENDED", State::Enabled(RpmStatus::Suspended)),
    ("RESUMING", State::Enabled(RpmStatus::Resuming)),
    ("off/ACTIVE", State::Disabled(RpmStatus::Active)),
    ("off/SUSP.", State::Disabled(RpmStatus::Suspended)),
];

/// A device in a state, last busy long ago.
fn device(state: State) -> RuntimePm {
    let pm = RuntimePm::enabled_active();
    {
        let mut power = pm.lock();
        power.autosuspend_delay = Some(DELAY);
        match state {
            State::Enabled(status) => power.status = status,
            State::Disabled(status) => {
                power.status = status;
                power.last_status = Some(status);
                power.disable_depth = 1;
            }
        }
    }
    pm
}

fn result(result: RpmResult) -> String {
    result.map_or_else(|errno| errno.to_string(), |done| done.to_string())
}
fn number(result: Result<bool, Errno>) -> String {
    result.map_or_else(|errno| errno.to_string(), |counted| u8::from(counted).to_string())
}

fn suspend(pm: &RuntimePm, flags: RpmFlags) -> String {
    let text = match pm.suspend_step(flags, NOW) {
        SuspendStep::Return(value) => result(value),
        SuspendStep::Wait => "wait".into(),
        SuspendStep::Callback => "callback".into(),
        SuspendStep::Suspended => "suspended".into(),
    };
    text + queued(pm)
}

fn resume(pm: &RuntimePm, flags: RpmFlags) -> String {
    let text = match pm.resume_step(flags, &Parent::None) {
        ResumeStep::Return(value) => result(value),
        ResumeStep::Wait => "wait".into(),
        ResumeStep::Callback => "callback".into(),
        ResumeStep::ResumeParent => "parent".into(),
        ResumeStep::Active => "active".into(),
    };
    let deferred = if pm.lock().deferred_resume { " defer" } else { "" };
    text + deferred + queued(pm)
}

fn put_sync(pm: &RuntimePm) -> String {
    pm.get_noresume();
    pm.drop_usage().unwrap();
    let text = match pm.idle_step(RpmFlags::SYNC) {
        IdleStep::Return(value) => result(value),
        IdleStep::Callback => "ask".into(),
        IdleStep::Suspend => "suspend".into(),
    };
    text + queued(pm)
}

fn put_autosuspend(pm: &RuntimePm) -> String {
    pm.get_noresume();
    pm.put_autosuspend(NOW).map_or_else(|| "-".into(), result) + queued(pm)
}

fn queued(pm: &RuntimePm) -> &'static str {
    let power = pm.lock();
    match (power.request_pending, power.timer_expires) {
        (true, _) => " queue",
        (false, Some(_)) => " timer",
        (false, None) => "",
    }
}

#[test]
fn every_call_in_every_state() {
    type Call = fn(&RuntimePm) -> String;
    let calls: [(&str, Call); 15] = [
        ("get_if_active", |pm| number(pm.get_if_active())),
        ("get_if_in_use, unused", |pm| number(pm.get_if_in_use())),
        ("get_if_in_use, child", |pm| {
            pm.child_became_active();
            number(pm.get_if_in_use())
        }),
        ("resume sync", |pm| resume(pm, RpmFlags::SYNC)),
        ("resume async", |pm| resume(pm, RpmFlags::ASYNC)),
        ("resume nowait", |pm| resume(pm, RpmFlags::NOWAIT)),
        ("suspend sync", |pm| suspend(pm, RpmFlags::SYNC)),
        ("suspend async", |pm| suspend(pm, RpmFlags::ASYNC)),
        ("suspend auto, delay over", |pm| suspend(pm, RpmFlags::SYNC.auto())),
        ("suspend auto, busy lately", |pm| {
            pm.mark_last_busy(NOW);
            suspend(pm, RpmFlags::SYNC.auto())
        }),
        ("suspend, used", |pm| {
            pm.get_noresume();
            suspend(pm, RpmFlags::SYNC)
        }),
        ("suspend, child active", |pm| {
            pm.child_became_active();
            suspend(pm, RpmFlags::SYNC)
        }),
        ("put_autosuspend", put_autosuspend),
        ("put_autosuspend, busy", |pm| {
            pm.mark_last_busy(NOW);
            put_autosuspend(pm)
        }),
        ("put_sync", put_sync),
    ];
    let mut table = format!("{:<26}", "");
    STATES.iter().for_each(|(name, _)| write!(table, " {name:<18}").unwrap());
    table = table.trim_end().to_owned() + "\n";
    for (name, call) in calls {
        let mut row = format!("{name:<26}");
        STATES.iter().for_each(|(_, state)| write!(row, " {:<18}", call(&device(*state))).unwrap());
        table += row.trim_end();
        table.push('\n');
    }
    expect![[r#"
                                   ACTIVE             SUSPENDING         SUSPENDED          RESUMING           off/ACTIVE         off/SUSP.
        get_if_active              1                  0                  0                  0                  -EINVAL            -EINVAL
        get_if_in_use, unused      0                  0                  0                  0                  -EINVAL            -EINVAL
        get_if_in_use, child       1                  0                  0                  0                  -EINVAL            -EINVAL
        resume sync                1                  wait               callback           wait               1                  -EACCES
        resume async               1                  0 defer            0 queue            -EINPROGRESS       1                  -EACCES
        resume nowait              1                  -EINPROGRESS defer callback           -EINPROGRESS       1                  -EACCES
        suspend sync               callback           wait               1                  -EAGAIN            -EACCES            -EACCES
        suspend async              0 queue            -EINPROGRESS       1                  0 queue            -EACCES            -EACCES
        suspend auto, delay over   callback           wait               1                  -EAGAIN            -EACCES            -EACCES
        suspend auto, busy lately  0 timer            wait               1                  -EAGAIN            -EACCES            -EACCES
        suspend, used              -EAGAIN            -EAGAIN            -EAGAIN            -EAGAIN            -EACCES            -EACCES
        suspend, child active      -EBUSY             -EBUSY             -EBUSY             -EBUSY             -EACCES            -EACCES
        put_autosuspend            0 queue            -EINPROGRESS       1                  0 queue            -EACCES            -EACCES
        put_autosuspend, busy      0 timer            -EINPROGRESS       1                  0 timer            -EACCES            -EACCES
        put_sync                   ask                -EAGAIN            1                  -EAGAIN            -EACCES            -EACCES
    "#]].assert_eq(&table);
}

/// The order of the tests for a suspend: each reason hides those after it.
#[test]
fn reasons_against_a_suspend_in_order() {
    let pm = device(State::Enabled(RpmStatus::Suspended));
    let reason = || result(pm.suspend_allowed(&pm.lock()));
    let mut reasons = vec![reason()];
    pm.lock().zero_resume_latency = true;
    reasons.push(reason());
    pm.lock().queue(super::status::Request::Resume);
    reasons.push(reason());
    pm.child_became_active();
    reasons.push(reason());
    pm.get_noresume();
    reasons.push(reason());
    pm.lock().disable_depth = 1;
    reasons.push(reason());
    pm.lock().runtime_error = Some(Errno::EIO);
    reasons.push(reason());
    assert_eq!(reasons, ["1", "-EPERM", "-EAGAIN", "-EBUSY", "-EAGAIN", "-EACCES", "-EINVAL"]);
}

/// Transient errors of a callback leave runtime PM working, others stop it until the status is set.
#[test]
fn an_error_of_a_callback_is_latched_unless_transient() {
    let outcome = |errno| {
        let pm = device(State::Enabled(RpmStatus::Active));
        assert_eq!(pm.suspend_step(RpmFlags::SYNC, NOW), SuspendStep::Callback);
        let end = pm.suspend_done(Err(errno), RpmFlags::SYNC, NOW);
        format!("{errno}: {end:?}, then {}, {}", pm.status(), suspend(&pm, RpmFlags::SYNC))
    };
    assert_eq!(outcome(Errno::EBUSY), "-EBUSY: Failed(-EBUSY), then RPM_ACTIVE, callback");
    assert_eq!(outcome(Errno::EAGAIN), "-EAGAIN: Failed(-EAGAIN), then RPM_ACTIVE, callback");
    assert_eq!(outcome(Errno::EIO), "-EIO: Failed(-EIO), then RPM_ACTIVE, -EINVAL");
}

#[test]
fn a_put_without_a_get_is_refused() {
    let pm = RuntimePm::<crate::sync::RawLock>::enabled_active();
    assert_eq!(pm.put_autosuspend(NOW), Some(Err(Errno::EINVAL)));
    assert_eq!(pm.usage_count(), 0);
    assert_eq!(pm.get_if_in_use(), Ok(false));
    assert_eq!(pm.drop_usage(), Err(Errno::EINVAL));
    assert_eq!(RpmDone::Already.to_string(), "1");
}
